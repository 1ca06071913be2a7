-- Rows as version 11 wrote them, where they differ from those before.
UPDATE changesets SET shown = jsonb_build_object('words', jsonb_build_array(jsonb_build_object('title', 'Headers', 'body',
    repeat('ab', 32))), 'ready', true, 'base', repeat('e', 40));
