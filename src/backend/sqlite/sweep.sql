-- Gives back up to `:max` of the rows that are forgotten.
DELETE FROM uploads WHERE id IN (SELECT id FROM uploads WHERE forget_ns <= :now ORDER BY forget_ns LIMIT :max)
RETURNING key, state, begun_ns, deadline_ns
