-- The client has its answer: counts once, for an upload that has ended and is not over.
UPDATE uploads SET acknowledged_ns = :now
WHERE id = :id AND state <> 'processing' AND acknowledged_ns IS NULL AND (deadline_ns IS NULL OR :now < deadline_ns)
