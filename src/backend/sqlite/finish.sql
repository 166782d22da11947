-- The work of an upload ends, once, if it is not over. `:since` is from when its age counts, NULL for its beginning; `:live` is
-- the time to live of its new state, NULL for ever. The row that changed, if one did, says that the end was taken.
UPDATE uploads
SET state = :state, detail = :detail, ended_ns = :now,
    deadline_ns = coalesce(:since, begun_ns) + :live,
    forget_ns = coalesce(:since, begun_ns) + :live + :tombstone
WHERE id = :id AND state = 'processing' AND (deadline_ns IS NULL OR :now < deadline_ns)
