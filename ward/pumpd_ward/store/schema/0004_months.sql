-- Ingest may write rows and nothing else (pumpd_ward/store/rights.py): the parts of the large tables are made and removed
-- by these, with the rights of the owner. A time outside of 2020 to 2099 is from a clock that is off, and has no part.
CREATE FUNCTION cover_month(month date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    first date := date_trunc('month', month);
    whole text;
BEGIN
    IF first NOT BETWEEN '2020-01-01' AND '2099-12-01' THEN
        RAISE 'no part for %', month USING ERRCODE = 'datetime_field_overflow';
    END IF;
    PERFORM pg_advisory_xact_lock(1886743921);
    FOREACH whole IN ARRAY ARRAY['entry', 'reading'] LOOP
        EXECUTE format(
            'CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
            whole || to_char(first, '_YYYY_MM'), whole, to_char(first, 'YYYY-MM-DD 00:00Z'),
            to_char(first + interval '1 month', 'YYYY-MM-DD 00:00Z')
        );
    END LOOP;
END $$;

-- The readings of the months that ended more than so many months ago, by the clock of the store: one that is wrong
-- elsewhere removes nothing.
CREATE FUNCTION remove_readings(months integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    part regclass;
BEGIN
    IF months < 1 THEN
        RAISE 'the last month stays' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR part IN
        SELECT inhrelid FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'reading'::regclass AND relname ~ '^reading_\d{4}_\d\d$'
          AND relname < to_char(now() - make_interval(months => months), '"reading_"YYYY_MM')
    LOOP
        EXECUTE 'DROP TABLE ' || part;
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION cover_month, remove_readings FROM PUBLIC;
