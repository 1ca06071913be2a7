-- Rows as version 3 wrote them, where they differ from version 2's.
SELECT campaigns_move_clock(interval '90 minutes');
