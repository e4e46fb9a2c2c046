-- The inference service's own rows; its jobs are the queue's.

-- name: job@sqlite
SELECT job_id, tenant_id, farm_id, barn_id, device_id,
    json_extract(payload, '$.media_id'), json_extract(payload, '$.object_key'),
    session_id, trace_id, status, created_at, updated_at, result_id, error
FROM inference_jobs
WHERE job_id = $1

-- name: job@pg
SELECT job_id, tenant_id, farm_id, barn_id, device_id,
    payload::json ->> 'media_id', payload::json ->> 'object_key',
    session_id, trace_id, status, created_at, updated_at, result_id, error
FROM inference_jobs
WHERE job_id = $1

-- name: result_insert
INSERT INTO inference_results (id, event_id, tenant_id, farm_id, barn_id, device_id,
    session_id, media_id, predicted_weight_kg, confidence, model_version, occurred_at,
    created_at, metadata)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)
ON CONFLICT DO NOTHING

-- $1 tenant, $2 session, $3 how many
-- name: results
SELECT id, event_id, tenant_id, farm_id, barn_id, device_id, session_id, media_id,
    predicted_weight_kg, predicted_size, confidence, model_version, occurred_at,
    created_at, metadata
FROM inference_results
WHERE tenant_id = $1 AND session_id = $2
ORDER BY created_at DESC, id DESC
LIMIT $3

-- name: stats
SELECT count(*), max(created_at)
FROM inference_results
WHERE tenant_id = $1

-- name: results_purge
DELETE FROM inference_results
WHERE id IN (
    SELECT id FROM inference_results WHERE created_at < $1 ORDER BY created_at LIMIT $2)
RETURNING 1
