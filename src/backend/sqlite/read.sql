-- What a poll of an upload is answered: its status, its last state, its detail. No row: unknown.
SELECT CASE WHEN forget_ns <= :now THEN 'unknown' WHEN deadline_ns <= :now THEN 'expired' ELSE state END AS status, state, detail
FROM uploads WHERE id = :id
