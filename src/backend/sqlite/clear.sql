-- Removes one upload, whatever its state.
DELETE FROM uploads WHERE id = :id
