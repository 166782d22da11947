-- The age of an upload that has ended, and is not over, counts from now: after a read, where the retention is by last access.
-- Each state has its time to live, NULL for ever.
UPDATE uploads
SET deadline_ns = :now + CASE state WHEN 'ready' THEN :ready WHEN 'failed' THEN :failed ELSE :interrupted END,
    forget_ns = :now + CASE state WHEN 'ready' THEN :ready WHEN 'failed' THEN :failed ELSE :interrupted END + :tombstone
WHERE id = :id AND state <> 'processing' AND (deadline_ns IS NULL OR :now < deadline_ns)
