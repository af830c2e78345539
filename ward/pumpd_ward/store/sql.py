"""The statements of `writing`. Each takes arrays, so that one round trip carries many messages."""

NUMBERS = ("rate_ml_h", "volume_infused_ml", "volume_remaining_ml", "pressure_mmhg", "battery_percent")

GATEWAYS = """
INSERT INTO gateway (name, seen_at) SELECT * FROM unnest($1::text[], $2::timestamptz[]) ORDER BY 1
ON CONFLICT (name) DO UPDATE SET seen_at = greatest(gateway.seen_at, excluded.seen_at)
"""

STATUS = """
UPDATE gateway SET status = $2, status_at = $3, ahead_s = $4
WHERE name = $1 AND (status_at IS NULL OR status_at < $3)
"""

MACHINE = """
INSERT INTO machine VALUES ($1, $2, $3, $3) ON CONFLICT (gateway, name) DO UPDATE SET
    first_at = least(machine.first_at, excluded.first_at), last_at = greatest(machine.last_at, excluded.last_at)
"""
MACHINES_GONE = "DELETE FROM machine WHERE last_at < now() - interval '30 days'"

# Of each gateway the branches, and the runs of control that wrote above a number.
BRANCHES = """
SELECT gateway, journal.name, rank, branch, newest, boot.name AS run, first, last
FROM unnest($1::text[], $2::bigint[]) AS given (gateway, after) JOIN journal USING (gateway)
LEFT JOIN boot ON boot.journal = journal.rank AND boot.last > given.after
"""
# A branch has what arrived of another one, up to the number ($5) from which they differ.
NEW_BRANCH = """
INSERT INTO journal (gateway, name, branch, covered, began_at, heard_at)
SELECT $1, $2, $3, coalesce((SELECT covered * int8multirange(int8range(1, $5)) FROM journal WHERE rank = $4), '{}'),
       $6, $6
RETURNING rank
"""
BOOTS = """
INSERT INTO boot SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])
ON CONFLICT (journal, name) DO UPDATE SET
    first = least(boot.first, excluded.first), last = greatest(boot.last, excluded.last)
"""

# For each range: whether it has arrived.
ARRIVED = """
SELECT place::integer, int8range(after + 1, last + 1) <@ covered AS arrived
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS given (rank, after, last, place)
JOIN journal USING (rank)
"""

COVERED = """
WITH given AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[])
         AS each (rank, after, last, hash, at)
), whole AS (
    SELECT rank, range_agg(int8range(after + 1, last + 1)) AS covered, max(last) AS newest,
           (array_agg(hash ORDER BY last DESC))[1] AS hash, min(at) AS began_at, max(at) AS heard_at
    FROM given GROUP BY rank
)
UPDATE journal SET covered = journal.covered + whole.covered,
    hash = CASE WHEN whole.newest > journal.newest THEN whole.hash ELSE journal.hash END,
    newest = greatest(journal.newest, whole.newest),
    began_at = least(journal.began_at, whole.began_at), heard_at = greatest(journal.heard_at, whole.heard_at)
FROM whole WHERE journal.rank = whole.rank
"""

ENTRIES = """
INSERT INTO entry (gateway, boot, seq, ts, pump, session, journal, kind, body)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::bigint[],
                     $8::text[], $9::jsonb[])
ON CONFLICT DO NOTHING
"""

# Only readings that are new count in the trend.
READINGS = """
WITH new AS (
    INSERT INTO reading (gateway, boot, seq, ts, pump, session, state, pump_state, rate_ml_h, volume_infused_ml,
                         volume_remaining_ml, pressure_mmhg, battery_percent)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::float8[], $10::float8[], $11::float8[], $12::float8[], $13::float8[])
    ON CONFLICT DO NOTHING
    RETURNING gateway, pump, ts, rate_ml_h, volume_infused_ml, pressure_mmhg
)
INSERT INTO trend (gateway, pump, step_s, at, readings, rate_sum, rate_min, rate_max, infused_ml, pressure_min,
                   pressure_max)
SELECT gateway, pump, step_s, date_bin(make_interval(secs => step_s), ts, '2000-01-01Z'), count(*),
       coalesce(sum(rate_ml_h), 0), min(rate_ml_h), max(rate_ml_h), max(volume_infused_ml), min(pressure_mmhg),
       max(pressure_mmhg)
FROM new, (VALUES (60), (3600)) AS steps (step_s)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
ON CONFLICT (gateway, pump, step_s, at) DO UPDATE SET
    readings = trend.readings + excluded.readings, rate_sum = trend.rate_sum + excluded.rate_sum,
    rate_min = least(trend.rate_min, excluded.rate_min), rate_max = greatest(trend.rate_max, excluded.rate_max),
    infused_ml = greatest(trend.infused_ml, excluded.infused_ml),
    pressure_min = least(trend.pressure_min, excluded.pressure_min),
    pressure_max = greatest(trend.pressure_max, excluded.pressure_max)
"""

KEPT = """
SELECT gateway, pump, kept_at, kept_state, kept_pump_state, kept_rate_ml_h FROM bed
WHERE gateway = ANY($1::text[]) AND kept_at IS NOT NULL
"""

BED_READING = """
INSERT INTO bed (gateway, pump, reading_journal, reading_seq, reading_at, reading_seen_at, reading, kept_at, kept_state,
                 kept_pump_state, kept_rate_ml_h)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (gateway, pump) DO UPDATE SET
    reading_journal = excluded.reading_journal, reading_seq = excluded.reading_seq, reading_at = excluded.reading_at,
    reading_seen_at = excluded.reading_seen_at, reading = excluded.reading, kept_at = excluded.kept_at,
    kept_state = excluded.kept_state, kept_pump_state = excluded.kept_pump_state,
    kept_rate_ml_h = excluded.kept_rate_ml_h
WHERE (bed.reading_journal, bed.reading_seq) < (excluded.reading_journal, excluded.reading_seq)
"""

BED_STATE = """
INSERT INTO bed (gateway, pump, state_journal, state_seq, state_at, state, session, simulated)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (gateway, pump) DO UPDATE SET
    state_journal = excluded.state_journal, state_seq = excluded.state_seq, state = excluded.state,
    state_at = CASE WHEN bed.state = excluded.state THEN bed.state_at ELSE excluded.state_at END,
    session = excluded.session, simulated = excluded.simulated
WHERE (bed.state_journal, bed.state_seq) < (excluded.state_journal, excluded.state_seq)
"""

ALARM = """
INSERT INTO alarm (gateway, journal, seq, pump, session, raised_at, code, priority, cause, action)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
"""

# What happened to each open alarm of these gateways afterwards. Batches come in any order, so what ended an alarm may
# have arrived before it.
ALARM_ENDS = """
UPDATE alarm SET cleared_at = ends.cleared, acknowledged_at = ends.acknowledged, escalated_at = ends.escalated
FROM (
    SELECT one.gateway, one.journal, one.seq, cleared.ts AS cleared,
           min(later.ts) FILTER (WHERE later.kind = 'alarm_acknowledged') AS acknowledged,
           min(later.ts) FILTER (WHERE later.kind = 'alarm_escalated') AS escalated
    FROM alarm AS one
    LEFT JOIN LATERAL (
        SELECT seq, ts FROM entry
        WHERE entry.gateway = one.gateway AND entry.journal = one.journal AND entry.pump = one.pump
          AND entry.body ->> 'code' = one.code AND entry.kind = 'alarm_cleared' AND entry.seq > one.seq
        ORDER BY seq LIMIT 1
    ) AS cleared ON true
    LEFT JOIN entry AS later
      ON later.gateway = one.gateway AND later.journal = one.journal AND later.pump = one.pump
     AND later.body ->> 'code' = one.code AND later.kind IN ('alarm_acknowledged', 'alarm_escalated')
     AND later.seq > one.seq AND (cleared.seq IS NULL OR later.seq < cleared.seq)
    WHERE one.gateway = ANY($1::text[]) AND one.cleared_at IS NULL
    GROUP BY one.gateway, one.journal, one.seq, cleared.ts
) AS ends
WHERE (alarm.gateway, alarm.journal, alarm.seq) = (ends.gateway, ends.journal, ends.seq)
  AND (ends.cleared, ends.acknowledged, ends.escalated)
      IS DISTINCT FROM (alarm.cleared_at, alarm.acknowledged_at, alarm.escalated_at)
"""

REFUSED = "INSERT INTO refused (subject, why, payload) VALUES ($1, $2, $3)"
REFUSED_LONG_AGO = """
DELETE FROM refused WHERE subject = $1 AND number <= (
    SELECT number FROM refused WHERE subject = $1 ORDER BY number DESC OFFSET $2 LIMIT 1)
"""

# A hole that stays is a gap: workers store batches out of order, so a short one means nothing.
GAPS_SEEN = """
INSERT INTO gap (gateway, journal, first, last) SELECT gateway, journal, first, last FROM hole WHERE last >= first
ON CONFLICT DO NOTHING
"""
GAPS_FILLED = """
UPDATE gap SET filled_at = now() WHERE filled_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM hole WHERE (hole.gateway, hole.journal, hole.first, hole.last)
                           = (gap.gateway, gap.journal, gap.first, gap.last))
"""
