/*
 * What a session tells about itself.
 */
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO PUBLIC;

/* Seconds on a CPU; elapsed ones where the system does not tell. */
CREATE FUNCTION bench.cpu_time() RETURNS double precision LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(split_part(pg_read_file('/proc/self/schedstat', 0, 100, true), ' ', 1)::double precision / 1e9,
		extract(epoch FROM clock_timestamp()))
$$;

CREATE FUNCTION bench.report_cpu_time(since double precision) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
	RAISE NOTICE 'used % s', bench.cpu_time() - since;
END
$$;

CREATE FUNCTION bench.planning_time(query text, times int) RETURNS double precision
	AS :'planning', 'planning_time' LANGUAGE C STRICT;
