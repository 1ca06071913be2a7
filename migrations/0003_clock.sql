-- The clock that limits go by can be moved ahead, by a test that would otherwise wait for hours. Production never
-- moves it. Whoever waits by it is notified, so that no waiting has to be shortened by asking.

CREATE TABLE clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    ahead interval NOT NULL DEFAULT '0' CHECK (ahead >= interval '0')
);
INSERT INTO clock DEFAULT VALUES;

CREATE OR REPLACE FUNCTION campaigns_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT clock_timestamp() + ahead FROM clock';

-- Seconds and not days, whose length depends on the time zone. A clock that went back would let a window be used twice.
CREATE FUNCTION campaigns_move_clock(further interval) RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF further < interval '0' THEN
        RAISE EXCEPTION 'the clock moves ahead only';
    END IF;
    UPDATE clock SET ahead = ahead + make_interval(secs => extract(epoch FROM further)::double precision);
    PERFORM pg_notify('campaigns_clock', '');
    RETURN campaigns_now();
END $$;
