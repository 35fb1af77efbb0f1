// Made from openapi.yaml by `npm run client`: every path, body and answer of the service as types.

export interface paths {
  '/livez': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Check whether the process is alive
     * @description Answers without checking the database, Redis or the storage. Restart a process that does not answer.
     */
    get: operations['getLiveness'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/metrics': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get metrics for Prometheus
     * @description Metrics of this process, in the text exposition format.
     */
    get: operations['getMetrics'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/openapi.json': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get this contract as JSON
     * @description The same document as /openapi.yaml.
     */
    get: operations['getOpenapiJson'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/openapi.yaml': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get this contract
     * @description The contract contains all paths, bodies and responses, for client generators.
     */
    get: operations['getOpenapiYaml'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/readyz': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Check whether the service can serve requests
     * @description Returns 200 while reads work. If Redis is unavailable or full, the storage cannot be written or secrets cannot be decrypted, `status` is `degraded` and `reasons` names the cause. Returns 503 while the process stops, if the database is unavailable or the storage cannot be read, and for a worker without its execution provider.
     */
    get: operations['getReadiness'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/adapters': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List adapters, uploads and results, the newest first
     * @description An adapter is listed if it meets all conditions. Pages work as in the list of jobs.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['listAdapters'];
    put?: never;
    /**
     * Upload an adapter
     * @description Takes the files of an adapter in any order: its weights and, in formats that have one (PEFT, MLX), its configuration. The format is recognised from the files (GET /v1/capabilities). A part is recognised by its name or otherwise by its filename (`curl -F files=@adapter_config.json -F files=@adapter_model.safetensors`, `curl -F weights=@my-lora.safetensors`). The files are checked while they arrive. Each upload creates a separate adapter with its own name, labels and time to live, even if the same content exists already: it is then stored only once, but counts in full.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['uploadAdapter'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/adapters/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get an adapter
     * @description Needs a key with the scope `read`.
     */
    get: operations['getAdapter'];
    put?: never;
    post?: never;
    /**
     * Delete an adapter
     * @description Refused while an unfinished job reads it. Results made from it stay, and so do the records of jobs. The adapter disappears immediately; a later sweep frees the space if no other adapter has the same content.
     *
     *     Needs a key with the scope `write`.
     */
    delete: operations['deleteAdapter'];
    options?: never;
    head?: never;
    /**
     * Change the name, labels or time to live of an adapter
     * @description Needs a key with the scope `write`.
     */
    patch: operations['updateAdapter'];
    trace?: never;
  };
  '/v1/adapters/{id}/archive': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Download all files of an adapter as a zip
     * @description The files are stored uncompressed under their names. The archive of a result also has the report of its job as `report.html`, while the job exists. The same adapter with the same report gives the same bytes. There is no `Repr-Digest`, because the archive is created while it is sent; the adapter has the SHA-256 of each of its files.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['downloadAdapterArchive'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/adapters/{id}/files/{name}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Download a file of an adapter
     * @description Needs a key with the scope `read`.
     */
    get: operations['downloadAdapterFile'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/adapters/{id}/modules': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the modules of an adapter with their shape, rank and scaling
     * @description Needs a key with the scope `read`.
     */
    get: operations['getAdapterModules'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/adapters/from-uploads': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Create an adapter from uploads
     * @description The same as an upload with all files in one request. The uploads are removed afterwards, unless the request was refused.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['createAdapterFromUploads'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/batches': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List batches, the newest first
     * @description The list does not contain the items of the batches. A batch is listed if it meets all conditions. Pages work as in the list of jobs.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['listBatches'];
    put?: never;
    /**
     * Create a batch of up to 10000 jobs
     * @description The same work for adapters in the service (`adapter_ids`), for sources that are fetched (`sources`), or for all adapters below a prefix (`source_prefix`, listed during the request); or a list of jobs of any kind. If the request violates its schema, the whole batch is refused; an item that cannot be tried, for example because its adapter does not exist, has failed. An adapter with all its targets is one job, because targets share the reading and the decomposition. `dry_run: true` executes nothing, and reports what would be refused and what is known about the rest.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['createBatch'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/batches/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get a batch and its progress
     * @description Needs a key with the scope `read`.
     */
    get: operations['getBatch'];
    put?: never;
    post?: never;
    /**
     * Delete a batch that has ended, with its jobs
     * @description Its jobs are deleted as well. Results stay, because they are adapters like any other.
     *
     *     Needs a key with the scope `write`.
     */
    delete: operations['deleteBatch'];
    options?: never;
    head?: never;
    /**
     * Change the name or the labels of a batch
     * @description A batch can be changed at any time, even after it has ended. Its jobs and results keep their names and labels.
     *
     *     Needs a key with the scope `write`.
     */
    patch: operations['updateBatch'];
    trace?: never;
  };
  '/v1/batches/{id}/archive': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Download all results of a batch as a zip
     * @description The files of each result, stored uncompressed, in `<item>/<target>/`: a safe form of the name of the item, and the folder name of the target as in deliveries, such as `r16`. The last file, `results.ndjson`, has the lines of `GET /v1/batches/{id}/results`, each with its `folder`, which is null if nothing succeeded or if the result was removed or has expired. The archive is created while it is sent, so it has neither a length nor an `ETag`, and an interrupted one is not a valid zip. While the batch runs, the archive has the results so far.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['downloadBatchArchive'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/batches/{id}/cancel': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Cancel every unfinished job of a batch
     * @description No job of the batch starts from then on. The response does not wait until all jobs are cancelled: `finished_at` is set when the last one is. Repeating the call returns the same response.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['cancelBatch'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/batches/{id}/events': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Watch a batch: Server-Sent Events until it has ended
     * @description Events are `item` (`data` is an item that has ended; each is sent once, including items that ended earlier) and `state` (`data` is the batch, whenever its counts have changed). The stream ends after the batch has ended. With `Last-Event-ID` it continues after that event, even at another process of the service and days later; after the last event the response is 204, which stops browsers from reconnecting. A comment every 15 s keeps the connection alive. Streams end after an hour; clients reconnect automatically.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['streamBatchEvents'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/batches/{id}/items': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the items of a batch in the order of the request
     * @description Each item has its outcome, including those that could not be tried and have no job.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['listBatchItems'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/batches/{id}/results': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get the results of a batch, one line of JSON for each item and target
     * @description The lines are in the order of the request. While the batch runs, unfinished items have their current state. An interrupted response is incomplete; a complete one has as many items as `x-item-count` states.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['listBatchResults'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/batches/{id}/retry': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Retry the failed, partial and cancelled items of a batch
     * @description Creates a new batch, whose `retry_of` names the old one; the old one stays unchanged. Items that never had a job are included.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['retryBatch'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/batches/ndjson': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Create a batch of up to 10000 jobs, one per line
     * @description Each line is a job as for `POST /v1/jobs`. The first line may be `{"settings": {…}}` with settings for all: kind, targets, options, results, deliver, labels, priority, ttl_seconds, reuse, webhook. Lines are processed as they arrive and have at most 65536 bytes each. A line that is not JSON, or violates its schema, the whole batch is refused; a job that cannot be tried is an item that has failed.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['createBatchFromLines'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/caller': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get your own tenant and scopes
     * @description What the key or token of this request may do, so that a client can offer only that.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['getCaller'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/capabilities': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get what the service can do: formats with the options of each conversion, profiles, limits, version
     * @description Needs a key with the scope `read`.
     */
    get: operations['getCapabilities'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/connections': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List connections, the newest first
     * @description The list has no credentials. Pass `next_cursor` of each page as `cursor` to get the next one, until it is null.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['listConnections'];
    put?: never;
    /**
     * Create a connection to a bucket, the Hub or a server
     * @description Sources and sinks of jobs then need no credentials: `s3://models/in/x` uses the connection whose prefix includes it. Credentials are stored encrypted and never shown. A connection that uses the service's own identity (`ambient`), or reaches hosts that are not public (`allowed_hosts`), requires a key with the scope `admin`.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['createConnection'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/connections/{name}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get a connection
     * @description Needs a key with the scope `read`.
     */
    get: operations['getConnection'];
    put?: never;
    post?: never;
    /**
     * Delete a connection and its credentials
     * @description Waiting jobs that use it fail with `CONNECTION_NOT_FOUND`.
     *
     *     Needs a key with the scope `write`.
     */
    delete: operations['deleteConnection'];
    options?: never;
    head?: never;
    /**
     * Change a connection or its credentials
     * @description The change applies to everything that uses the connection from now on, including waiting jobs. A change that would send its credentials to new places (another `endpoint`, or a prefix that is not within the current ones) must include the credentials.
     *
     *     Needs a key with the scope `write`.
     */
    patch: operations['updateConnection'];
    trace?: never;
  };
  '/v1/events': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Watch all jobs and batches: Server-Sent Events
     * @description `job.*` and `batch.ended` have as `data` exactly the payload that webhooks receive. `job.progress` is sent at most once per second for each running job. A stream starts with `stream.open` and has all later events in order. With `Last-Event-ID` it continues after that event, even at another process of the service and after a restart. Unless the operator changed it, events are kept for a day, and the newest 50,000 of each tenant; if some are missing, `stream.gap` comes first. Streams end after an hour.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['streamEvents'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List jobs, the newest first
     * @description A job is listed if it meets all conditions. Read the list page by page: pass `next_cursor` of each page as `cursor` to get the next one, until it is null. Jobs that are created or deleted in between do not shift others.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['listJobs'];
    put?: never;
    /**
     * Squeeze, analyze or merge adapters
     * @description `kind` selects the work. `squeeze` squeezes one adapter to each target. `analyze` writes no adapter: its report contains the loss at every rank and recommendations. `merge` adds up to 32 adapters of one base model, of any ranks, with weights, and squeezes the sum to each target. Work for equal requests, compared by the content of their adapters, is done once: a later request has a job and results of its own, with `reused: true`, and ends immediately if the work was done before. `reuse: false` repeats the work. `dry_run: true` executes nothing and returns a forecast: ranks, sizes and seconds, or the refusal.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['createJob'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get a job: state, progress, results
     * @description Needs a key with the scope `read`.
     */
    get: operations['getJob'];
    put?: never;
    post?: never;
    /**
     * Delete a job that has ended
     * @description The report of the job is deleted as well. Its results stay, because they are adapters like any other.
     *
     *     Needs a key with the scope `write`.
     */
    delete: operations['deleteJob'];
    options?: never;
    head?: never;
    /**
     * Change the name or the labels of a job
     * @description A job can be changed at any time, even after it has ended.
     *
     *     Needs a key with the scope `write`.
     */
    patch: operations['updateJob'];
    trace?: never;
  };
  '/v1/jobs/{id}/artifacts': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List all files that a job produced
     * @description `report.json` and `report.html`; `results/0/…` with the files of the first target’s adapter and so on; `imported/…` with those of a fetched adapter; for further training `projections.safetensors` and `optimizer.safetensors`. Adapters that were removed or have expired are left out. The list is empty until the job has ended.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['listJobArtifacts'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs/{id}/artifacts/{path}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Download a file that a job produced
     * @description Needs a key with the scope `read`.
     */
    get: operations['downloadJobArtifact'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs/{id}/cancel': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Cancel a job
     * @description The response is final: the job is `cancelled` from then on and has no results. A queued job never starts. An active one stops at its next module, unless other jobs wait for the same work. Repeating the call returns the same response.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['cancelJob'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs/{id}/deliveries/retry': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Retry the failed deliveries of a job
     * @description Failed deliveries are `pending` again and are tried as if for the first time; others stay unchanged. The state of the job does not change.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['retryJobDeliveries'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs/{id}/events': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Watch a job: Server-Sent Events until it has ended
     * @description Events are `state` (`data` is the job: queued, active, and its final state) and `progress` (`data` is a `JobProgress`). The stream ends after the final state. With `Last-Event-ID` it continues after that event, even at another process of the service; after the final event the response is 204, which stops browsers from reconnecting. A comment every 15 s keeps the connection alive. Streams end after an hour; clients reconnect automatically.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['streamJobEvents'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs/{id}/report': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get the report of a job: spectrum and error of every module
     * @description Needs a key with the scope `read`.
     */
    get: operations['getJobReport'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs/{id}/report.html': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get the report of a job as a page or picture
     * @description Needs a key with the scope `read`.
     */
    get: operations['getJobReportHtml'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs/{id}/report.png': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * One figure of the report of a job, as PNG
     * @description Needs a key with the scope `read`.
     */
    get: operations['getJobReportPng'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs/{id}/report.svg': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * One figure of the report of a job, as SVG
     * @description Needs a key with the scope `read`.
     */
    get: operations['getJobReportSvg'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs/{id}/retry': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Retry a failed, partial or cancelled job
     * @description Creates a new job with the same request, labels, priority and time to live, and all its targets; its `retry_of` names the old one. The old job stays unchanged and in its batch; the new job belongs to no batch. To repeat a job that succeeded, submit its request with `reuse: false`.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['retryJob'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/keys': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List keys, including revoked and expired ones, the oldest first
     * @description A caller with `tenant_admin` but without `admin` gets the keys of its own tenant only.
     *
     *     Needs a key with the scope `tenant_admin`.
     */
    get: operations['listKeys'];
    put?: never;
    /**
     * Create a key
     * @description A tenant may have any number of keys at a time, so that one can be replaced without a gap. Without `tenant` the key belongs to the tenant of the caller. A caller with `tenant_admin` but without `admin` can create keys for its own tenant only, without the scope `admin`, and with at most its own `max_priority`.
     *
     *     Needs a key with the scope `tenant_admin`.
     */
    post: operations['createKey'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/keys/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /**
     * Revoke a key
     * @description The key stays in the list as revoked; revoking it again changes nothing. Other processes of the service may accept it for five more seconds.
     *
     *     Needs a key with the scope `tenant_admin`.
     */
    delete: operations['deleteKey'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/runs': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List annealing runs, the newest first
     * @description The runs in the list have no checkpoints; a single run has them. A run is listed if it meets all conditions. Pages work as in the list of jobs.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['listRuns'];
    put?: never;
    /**
     * Create an annealing run
     * @description The rank falls according to a schedule, or adapts to the spectrum. The trainer sends checkpoints and continues with the adapters that are returned. `dry_run: true` starts nothing and returns the plan: ranks, steps, learning rates, sizes.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['createRun'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/runs/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get a run with its state and checkpoints
     * @description Needs a key with the scope `read`.
     */
    get: operations['getRun'];
    put?: never;
    post?: never;
    /**
     * Delete a run with its checkpoints and their jobs
     * @description Refused while a checkpoint is being squeezed. Adapters stay; projections and optimizer state are deleted with the jobs.
     *
     *     Needs a key with the scope `write`.
     */
    delete: operations['deleteRun'];
    options?: never;
    head?: never;
    /**
     * Change the name of a run
     * @description A run can be changed at any time. Its `request` stays as it was sent, and its results keep their names.
     *
     *     Needs a key with the scope `write`.
     */
    patch: operations['updateRun'];
    trace?: never;
  };
  '/v1/runs/{id}/checkpoints': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Send a checkpoint and get the adapter to continue with
     * @description The response has the decision `keep`, because there is nothing to squeeze, or the checkpoint is squeezed as a job. Sending the same checkpoint again, even at the same time, returns the same response; a failed one is tried again. The parts may come in any order.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['createCheckpoint'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/runs/{id}/checkpoints/{step}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get a checkpoint: the decision and its outcome
     * @description If a step has several checkpoints, because of a rewind or a failure, the response is the newest one.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['getCheckpoint'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/schedules': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Plan an annealing: ranks and steps of its stages
     * @description Returns the ranks of the stages, the steps of the squeezes, and the parameters and memory of every stage. Nothing is stored: the same request gives the same schedule.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['planSchedule'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/secrets/rotate': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Re-encrypt stored secrets
     * @description Covers all tenants: secrets of webhooks, credentials of connections and of unfinished jobs, and responses with a secret that are kept for repeated requests. Those that are encrypted with the first of `SECRETS_KEYS` are left unchanged, so repeating the call is safe. Before you remove a key, make sure that `SECRETS_KEYS` of every process begins with the new key.
     *
     *     Needs a key with the scope `admin`.
     */
    post: operations['rotateSecrets'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/squeeze': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Upload an adapter and squeeze it in one call
     * @description Takes the files of an upload, and a part `request` with the job, in any order. The adapter is kept unless the job is refused.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['squeezeAdapter'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/tenants': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List tenants with their usage
     * @description Tenants are listed in the order of their ids.
     *
     *     Needs a key with the scope `admin`.
     */
    get: operations['listTenants'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/tenants/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get a tenant with its usage
     * @description Needs a key with the scope `admin`.
     */
    get: operations['getTenant'];
    /**
     * Create a tenant or change its limits
     * @description Other processes of the service use the previous settings for up to five more seconds.
     *
     *     Needs a key with the scope `admin`.
     */
    put: operations['putTenant'];
    post?: never;
    /**
     * Delete a tenant with all its data
     * @description Its keys are refused and none of its jobs start from then on, and running jobs are cancelled; other processes of the service may accept its keys for five more seconds. The next sweeps remove all its data: it is `deleting` until then, and 404 afterwards. Bytes leave the storage after the grace period for content. This cannot be undone; repeating the call changes nothing.
     *
     *     Needs a key with the scope `admin`.
     */
    delete: operations['deleteTenant'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/tenants/{id}/cancel': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Cancel every unfinished job and batch of a tenant
     * @description Each job and batch is cancelled as by its own call. If this call is interrupted, repeat it to cancel the rest. Jobs that the tenant submits meanwhile are not cancelled: suspend the tenant first.
     *
     *     Needs a key with the scope `admin`.
     */
    post: operations['cancelTenant'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/tenants/{id}/resume': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Resume a suspended tenant
     * @description Its waiting jobs can start again, in their order.
     *
     *     Needs a key with the scope `admin`.
     */
    post: operations['resumeTenant'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/tenants/{id}/suspend': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Suspend a tenant
     * @description None of its waiting jobs start, and new requests are refused with TENANT_SUSPENDED; reading, downloading, cancelling and deleting still work, and running jobs continue. Other processes of the service follow within five seconds.
     *
     *     Needs a key with the scope `admin`.
     */
    post: operations['suspendTenant'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/uploads': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List uploads that do not belong to an adapter, in the order of their ids
     * @description Needs a key with the scope `read`.
     */
    get: operations['listUploads'];
    put?: never;
    /**
     * Create a resumable upload
     * @description The first bytes may be sent with this request, as `application/offset+octet-stream`.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['createUpload'];
    delete?: never;
    /**
     * Get the supported version and extensions of tus
     * @description Needs a key with the scope `read`.
     */
    options: operations['getUploadOptions'];
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/uploads/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get an upload
     * @description Needs a key with the scope `read`.
     */
    get: operations['getUpload'];
    /**
     * Upload a whole file
     * @description The body is the file (`curl -T file`). It replaces an upload with the same id once it is complete, and is checked while it arrives. `filename` names the file of the adapter.
     *
     *     Needs a key with the scope `write`.
     */
    put: operations['putUpload'];
    post?: never;
    /**
     * Delete an upload
     * @description Needs a key with the scope `write`.
     */
    delete: operations['deleteUpload'];
    options?: never;
    /**
     * Get the offset of a resumable upload
     * @description Ends a PATCH that is still in progress; bytes that arrived are kept.
     *
     *     Needs a key with the scope `read`.
     */
    head: operations['getUploadOffset'];
    /**
     * Continue a resumable upload
     * @description Bytes that arrived before a broken connection are kept, unless the request has a Content-Digest of all of them.
     *
     *     Needs a key with the scope `write`.
     */
    patch: operations['appendUpload'];
    trace?: never;
  };
  '/v1/usage': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get the limits and usage of your tenant
     * @description Needs a key with the scope `read`.
     */
    get: operations['getUsage'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/webhooks': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List webhooks, the oldest first
     * @description Needs a key with the scope `read`.
     */
    get: operations['listWebhooks'];
    put?: never;
    /**
     * Create a webhook
     * @description Requests are signed according to Standard Webhooks (https://www.standardwebhooks.com) and repeated for three days until one is answered with 2xx. Their body is a `WebhookEvent`.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['createWebhook'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/webhooks/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Get a webhook
     * @description Needs a key with the scope `read`.
     */
    get: operations['getWebhook'];
    put?: never;
    post?: never;
    /**
     * Delete a webhook and its deliveries
     * @description Needs a key with the scope `write`.
     */
    delete: operations['deleteWebhook'];
    options?: never;
    head?: never;
    /**
     * Change a webhook
     * @description The change applies to all requests that are sent from now on, including those of pending deliveries. `enabled: true` also enables a webhook whose receiver answered 410.
     *
     *     Needs a key with the scope `write`.
     */
    patch: operations['updateWebhook'];
    trace?: never;
  };
  '/v1/webhooks/{id}/deliveries': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List the deliveries of a webhook, the newest first
     * @description Each delivery has all its attempts, with time, response and duration. Deliveries are kept for 30 days.
     *
     *     Needs a key with the scope `read`.
     */
    get: operations['listWebhookDeliveries'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/webhooks/{id}/deliveries/{delivery}/redeliver': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Send a delivery again
     * @description The delivery has the same `webhook-id`, so that the receiver can recognise it, and the whole schedule of attempts starts again. A pending delivery is sent immediately.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['retryWebhookDelivery'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/webhooks/{id}/rotate-secret': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Rotate the secret of a webhook
     * @description The body may be absent. The previous secret also signs for a grace period: requests then have two signatures, and a receiver accepts either. A second rotation ends the grace period of the first: there are never three signatures.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['rotateWebhookSecret'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/webhooks/{id}/test': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Send an event of the type webhook.test
     * @description A disabled webhook also sends it. The outcome appears in the deliveries of the webhook soon after.
     *
     *     Needs a key with the scope `write`.
     */
    post: operations['testWebhook'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/workers': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List workers and what they run
     * @description Needs a key with the scope `admin`.
     */
    get: operations['listWorkers'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/workers/{id}/drain': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Drain a worker
     * @description Within about five seconds the worker stops taking executions. Running executions are allowed to finish, however long they take; other workers take those that have not started. Then a process with ROLE=worker exits with 0; one with ROLE=all continues without a worker until it is restarted. Repeating the call changes nothing.
     *
     *     Needs a key with the scope `admin`.
     */
    post: operations['drainWorker'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export interface webhooks {
  event: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * An event, sent to your server
     * @description Signed according to Standard Webhooks (https://www.standardwebhooks.com). Answer within 15 seconds; only the status of the response counts. The first kilobyte of its body is logged.
     */
    post: operations['receiveEvent'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export interface components {
  schemas: {
    /**
     * @example {
     *       "id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *       "name": "search-v3",
     *       "format": "peft",
     *       "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *       "bytes": 159968412,
     *       "base_model": "meta-llama/Llama-2-7b-hf",
     *       "modules": 224,
     *       "ranks": {
     *         "min": 64,
     *         "max": 64
     *       },
     *       "alpha": 128,
     *       "dtypes": [
     *         "BF16"
     *       ],
     *       "parameters": 79953920,
     *       "passthrough_tensors": 0,
     *       "size": [
     *         {
     *           "what": "lora",
     *           "tensors": 448,
     *           "bytes": 159907840
     *         }
     *       ],
     *       "files": [
     *         {
     *           "name": "adapter_model.safetensors",
     *           "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *           "bytes": 159967688
     *         },
     *         {
     *           "name": "adapter_config.json",
     *           "sha256": "778899a0b1c2d3e4f5a6d7b8e0c1a9f4778899a0b1c2d3e4f5a6d7b8e0c1a9f4",
     *           "bytes": 724
     *         }
     *       ],
     *       "warnings": [],
     *       "parent_id": null,
     *       "job_id": null,
     *       "labels": {
     *         "team": "search"
     *       },
     *       "expires_at": null,
     *       "created_at": "2026-11-24T21:50:10.000Z"
     *     }
     */
    Adapter: {
      /** @description lora_alpha of the configuration; without one, the alpha of most modules */
      alpha: number;
      base_model: string | null;
      /** @description Size of all files together */
      bytes: number;
      /** @description Only in the response to an upload: whether you already had an adapter with the same weights and configuration */
      content_known?: boolean;
      /** Format: date-time */
      created_at: string;
      /** @description dtypes of the LoRA factors */
      dtypes: string[];
      /**
       * Format: date-time
       * @description When the record expires; a later sweep removes it. null: the record is kept
       */
      expires_at: string | null;
      files: components['schemas']['AdapterFile'][];
      format: components['schemas']['FormatName'];
      id: string;
      /** @description The job of which it is a result; null for uploads */
      job_id: string | null;
      labels: components['schemas']['Labels'];
      /**
       * @description The license named in its model card, or in that of its source; absent if none is known
       * @example apache-2.0
       */
      license?: string;
      /** @description Number of LoRA pairs */
      modules: number;
      name: components['schemas']['RecordName'];
      /** @description Number of parameters in the LoRA factors */
      parameters: number;
      /** @description The adapter from which this one was made; null for uploads and for merges of several adapters */
      parent_id: string | null;
      /** @description Number of tensors that are not part of a LoRA pair */
      passthrough_tensors: number;
      /** @description Smallest and largest rank over the modules */
      ranks: {
        max: number;
        min: number;
      };
      /** @description SHA-256 of the weights file, hex */
      sha256: string;
      /** @description Size by kind of tensor; absent in records of older versions */
      size?: components['schemas']['SizePart'][];
      warnings: string[];
    };
    AdapterFile: {
      bytes: number;
      /** @example adapter_model.safetensors */
      name: string;
      /** @description SHA-256 of the content, hex */
      sha256: string;
    };
    /**
     * @example {
     *       "files": {
     *         "adapter_model.safetensors": "my-weights",
     *         "adapter_config.json": {
     *           "peft_type": "LORA",
     *           "r": 4,
     *           "lora_alpha": 8,
     *           "target_modules": [
     *             "q_proj",
     *             "v_proj"
     *           ]
     *         }
     *       },
     *       "labels": {
     *         "team": "search"
     *       },
     *       "ttl_seconds": 604800
     *     }
     */
    AdapterFromUploads: {
      /** @description Ids of complete uploads: of the weights, in any format and under either name, and of the configuration, if the format has one. For weights in several files (`…-00001-of-0000N.safetensors`), list all their uploads; their index is not needed */
      files: {
        'adapter_config.json'?:
          | string
          | {
              [key: string]: unknown;
            };
        'adapter_model.safetensors'?: string | string[];
        config?:
          | string
          | {
              [key: string]: unknown;
            };
        weights?: string | string[];
      };
      labels?: components['schemas']['Labels'];
      license?: string;
      name?: components['schemas']['RecordName'];
      ttl_seconds?: components['schemas']['TtlSeconds'];
    };
    /**
     * @example {
     *       "data": [
     *         {
     *           "id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *           "name": "search-v3",
     *           "format": "peft",
     *           "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *           "bytes": 159968412,
     *           "base_model": "meta-llama/Llama-2-7b-hf",
     *           "modules": 224,
     *           "ranks": {
     *             "min": 64,
     *             "max": 64
     *           },
     *           "alpha": 128,
     *           "dtypes": [
     *             "BF16"
     *           ],
     *           "parameters": 79953920,
     *           "passthrough_tensors": 0,
     *           "size": [
     *             {
     *               "what": "lora",
     *               "tensors": 448,
     *               "bytes": 159907840
     *             }
     *           ],
     *           "files": [
     *             {
     *               "name": "adapter_model.safetensors",
     *               "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *               "bytes": 159967688
     *             },
     *             {
     *               "name": "adapter_config.json",
     *               "sha256": "778899a0b1c2d3e4f5a6d7b8e0c1a9f4778899a0b1c2d3e4f5a6d7b8e0c1a9f4",
     *               "bytes": 724
     *             }
     *           ],
     *           "warnings": [],
     *           "parent_id": null,
     *           "job_id": null,
     *           "labels": {
     *             "team": "search"
     *           },
     *           "expires_at": null,
     *           "created_at": "2026-11-24T21:50:10.000Z"
     *         }
     *       ],
     *       "next_cursor": null
     *     }
     */
    AdapterList: {
      data: components['schemas']['Adapter'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    AdapterModules: {
      modules: {
        kind: 'linear' | 'conv' | 'embedding';
        name: string;
        rank: number;
        /** @description ΔW = scale·B·A */
        scale: number;
        /** @description [m, n] of ΔW */
        shape: number[];
      }[];
    };
    /**
     * @description Absent fields stay unchanged. `labels` replaces all labels.
     * @example {
     *       "name": "search-v4",
     *       "labels": {
     *         "team": "search",
     *         "stage": "prod"
     *       },
     *       "ttl_seconds": null
     *     }
     */
    AdapterPatch: {
      labels?: components['schemas']['Labels'];
      name?: components['schemas']['RecordName'];
      /** @description Seconds from now until the adapter is removed; null: it is kept */
      ttl_seconds?: components['schemas']['TtlSeconds'] | null;
    };
    /** @description A training whose rank falls as far as the spectrum allows */
    AdaptiveRequest: {
      /**
       * @description Number of steps between two examinations of the spectrum. The spectrum is not examined in the first min_stage_steps after a squeeze
       * @default 200
       */
      check_every_steps?: number;
      /** @description Each squeeze chooses the smallest rank that keeps this share of Σσ². An alternative to `tolerance`. */
      energy?: number;
      /**
       * @description Smallest share of all steps at the target rank. Cannot be set for the recipe equal.
       * @default 0.5
       */
      final_share?: number;
      /**
       * @description Smallest number of steps at the target rank after the last squeeze (Cont-Squeeze). It is a minimum for the last stage
       * @default 0
       */
      final_steps?: number;
      learning_rate?: components['schemas']['LearningRateRequest'];
      /**
       * @description Smallest number of steps of every stage (200 in the LoRA-Squeeze paper, arXiv 2602.10993)
       * @default 200
       */
      min_stage_steps?: number;
      /**
       * @description recommended: the last stage has at least `final_share` of the steps, and no earlier stage of a schedule is longer. equal: all stages share the steps according to `stage_lengths`.
       * @default recommended
       * @enum {string}
       */
      recipe?: 'recommended' | 'equal';
      /** @description The rank at which training starts */
      source_rank: number;
      /** @description The rank at which training ends */
      target_rank: number;
      /** @description Each squeeze chooses the smallest rank with at most this relative error. An alternative to `energy`. */
      tolerance?: number;
      /** @description Optimizer steps of the whole training */
      total_steps: number;
      /**
       * @description true: one rank for all modules; false: a rank for each module
       * @default true
       */
      uniform?: boolean;
      /**
       * @description Smallest number of steps at the source rank before the first squeeze. It is a minimum for the first stage and adds no steps
       * @default 0
       */
      warm_up_steps?: number;
    };
    Analysis: {
      budget: components['schemas']['Recommendation'];
      /** @description One point for every uniform rank, from 1 to the largest rank of the source */
      curve: components['schemas']['RankPoint'][];
      modules: components['schemas']['ModuleAnalysis'][];
      uniform: components['schemas']['Recommendation'];
    };
    /** @description Computes spectra, curves and recommendations, and writes no adapter */
    AnalyzeJobRequest: {
      adapter_id?: string;
      dry_run?: components['schemas']['DryRun'];
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'analyze';
      labels?: components['schemas']['Labels'];
      name?: components['schemas']['RecordName'];
      priority?: components['schemas']['JobPriority'];
      /**
       * @description Whether equal requests, in progress or done, may share the work. The job has its own results, labels, priority and time to live in any case. `false` repeats the work.
       * @default true
       */
      reuse?: boolean;
      source?: components['schemas']['Source'];
      ttl_seconds?: components['schemas']['TtlSeconds'];
      webhook?: components['schemas']['RequestWebhook'];
    };
    /** @description A file that a job produced */
    Artifact: {
      /** @description null: the file is rendered on request */
      bytes: number | null;
      /** @description URL path of the download */
      href: string;
      media_type: string;
      /** @description Path among the artifacts of the job; may contain slashes */
      path: string;
      /** @description SHA-256 of the file, hex; null as for `bytes` */
      sha256: string | null;
    };
    /**
     * @example {
     *       "id": "batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "state": "partial",
     *       "counts": {
     *         "queued": 0,
     *         "active": 0,
     *         "succeeded": 1,
     *         "partial": 0,
     *         "failed": 1,
     *         "cancelled": 0
     *       },
     *       "progress": {
     *         "done": 2,
     *         "total": 2
     *       },
     *       "name": "release 2026-12",
     *       "labels": {
     *         "release": "2026-12"
     *       },
     *       "retry_of": null,
     *       "webhook_id": null,
     *       "created_at": "2026-11-24T21:51:00.000Z",
     *       "finished_at": "2026-11-24T21:51:05.310Z",
     *       "expires_at": null
     *     }
     */
    Batch: {
      counts: components['schemas']['BatchCounts'];
      /** Format: date-time */
      created_at: string;
      /**
       * Format: date-time
       * @description When the record expires; a later sweep removes it. null: the record is kept
       */
      expires_at: string | null;
      /**
       * Format: date-time
       * @description When the last item ended
       */
      finished_at: string | null;
      forecast?: components['schemas']['BatchForecast'];
      id: string;
      labels: components['schemas']['Labels'];
      name: components['schemas']['RecordName'] | null;
      progress: {
        /** @description Number of items that have ended, in any state */
        done: number;
        total: number;
      };
      /** @description The batch whose failed, partial and cancelled items these are */
      retry_of: string | null;
      state: components['schemas']['BatchState'];
      /** @description The webhook that was requested with it; see `GET /v1/webhooks/{id}/deliveries` */
      webhook_id: string | null;
    };
    /** @description Number of items by state */
    BatchCounts: {
      active: number;
      cancelled: number;
      failed: number;
      partial: number;
      queued: number;
      succeeded: number;
    };
    BatchEndEvent: {
      data: {
        batch: components['schemas']['Batch'];
        /** @description Fields that are left out */
        omitted?: string[];
      };
      /** Format: date-time */
      timestamp: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      type: 'batch.ended';
    };
    /** @description For an event `state`, the batch; for an event `item`, an item that has ended */
    BatchEventData: components['schemas']['Batch'] | components['schemas']['BatchItem'];
    /** @description The forecast for a batch */
    BatchForecast: {
      /** @description Sum of the sizes of their weights files */
      bytes: number;
      /** @description Sum of the parameters of all results whose ranks are known */
      parameters: number;
      /** @description Smallest and largest rank of all results; null if none is known */
      rank: {
        max: number;
        min: number;
      } | null;
      /** @description The first 100 of the items that would fail immediately; `counts.failed` is their number */
      refused: components['schemas']['RefusedItem'][];
      /** @description Number of items whose work is already done or in progress for other jobs */
      reused: number;
      /** @description Estimated time in which one worker runs all items with an estimate; null without any, or without workers */
      seconds: number | null;
      /** @description Number of items about which nothing is known in advance, usually those that still have to be fetched */
      unknown: number;
    };
    BatchItem: {
      /** @description The adapter of the item; null if it is fetched, and for a merge, which has several */
      adapter_id: string | null;
      /** @description Why it failed; for a partial item, the error of the first failed target */
      error: components['schemas']['BatchItemError'] | null;
      /** Format: date-time */
      finished_at: string | null;
      /** @description Position in the request, from 0 */
      index: number;
      /** @description Path of the job, which has all details */
      job_href: string | null;
      /** @description null: the item could not be tried; `error` gives the reason */
      job_id: string | null;
      kind: components['schemas']['JobKind'];
      /** @description Name: the path below the prefix, the last part of the source, or the name of the adapter. Its results are delivered to the folder with this name below `deliver` */
      name: string;
      /** @description In the order of the targets; failed targets have none */
      results: components['schemas']['ResultLink'][];
      /** @description Source of the adapter, without secrets */
      source: string | null;
      state: components['schemas']['JobState'];
    };
    BatchItemError: {
      code: string;
      detail: string;
    };
    /**
     * @example {
     *       "data": [
     *         {
     *           "index": 0,
     *           "name": "support/chat",
     *           "source": "s3://models/in/support/chat",
     *           "adapter_id": null,
     *           "job_id": "job_019ac7e0f3a200009a1c0e8b7d6a5f4e",
     *           "job_href": "/v1/jobs/job_019ac7e0f3a200009a1c0e8b7d6a5f4e",
     *           "kind": "squeeze",
     *           "state": "succeeded",
     *           "error": null,
     *           "finished_at": "2026-11-24T21:51:03.480Z",
     *           "results": [
     *             {
     *               "adapter_id": "ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0",
     *               "href": "/v1/adapters/ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0"
     *             }
     *           ]
     *         },
     *         {
     *           "index": 1,
     *           "name": "ad_7d6a5f4e3d2c1b0a9988774f9a1c0e8b",
     *           "source": null,
     *           "adapter_id": "ad_7d6a5f4e3d2c1b0a9988774f9a1c0e8b",
     *           "job_id": null,
     *           "job_href": null,
     *           "kind": "squeeze",
     *           "state": "failed",
     *           "error": {
     *             "code": "ADAPTER_NOT_FOUND",
     *             "detail": "There is no adapter \"ad_7d6a5f4e3d2c1b0a9988774f9a1c0e8b\"."
     *           },
     *           "finished_at": "2026-11-24T21:51:00.014Z",
     *           "results": []
     *         }
     *       ],
     *       "next_cursor": null
     *     }
     */
    BatchItemList: {
      data: components['schemas']['BatchItem'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    /**
     * @example {
     *       "data": [
     *         {
     *           "id": "batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *           "state": "partial",
     *           "counts": {
     *             "queued": 0,
     *             "active": 0,
     *             "succeeded": 1,
     *             "partial": 0,
     *             "failed": 1,
     *             "cancelled": 0
     *           },
     *           "progress": {
     *             "done": 2,
     *             "total": 2
     *           },
     *           "name": "release 2026-12",
     *           "labels": {
     *             "release": "2026-12"
     *           },
     *           "retry_of": null,
     *           "webhook_id": null,
     *           "created_at": "2026-11-24T21:51:00.000Z",
     *           "finished_at": "2026-11-24T21:51:05.310Z",
     *           "expires_at": null
     *         }
     *       ],
     *       "next_cursor": null
     *     }
     */
    BatchList: {
      data: components['schemas']['Batch'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    /**
     * @description Absent fields stay unchanged. `labels` replaces all labels.
     * @example {
     *       "name": "nightly 2026-12-01"
     *     }
     */
    BatchPatch: {
      labels?: components['schemas']['Labels'];
      /** @description null removes the name */
      name?: components['schemas']['RecordName'] | null;
    };
    /**
     * @description The work and the adapters to which it applies: adapters in the service, sources, all adapters below a prefix, or a list of jobs
     * @example {
     *       "name": "release 2026-12",
     *       "adapter_ids": [
     *         "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *         "ad_7d6a5f4e3d2c1b0a9988774f9a1c0e8b"
     *       ],
     *       "targets": [
     *         {
     *           "rank": 16,
     *           "profile": "vllm"
     *         }
     *       ],
     *       "results": {
     *         "name": "{source}-2026-12",
     *         "labels": {
     *           "release": "2026-12"
     *         }
     *       },
     *       "labels": {
     *         "release": "2026-12"
     *       },
     *       "priority": "low"
     *     }
     * @example {
     *       "source_prefix": "s3://models/in",
     *       "targets": [
     *         {
     *           "rank": 16
     *         }
     *       ],
     *       "deliver": "s3://models/out",
     *       "webhook": {
     *         "url": "https://platform.example.com/hooks/squeezed"
     *       }
     *     }
     * @example {
     *       "jobs": [
     *         {
     *           "kind": "squeeze",
     *           "adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *           "targets": [
     *             {
     *               "rank": 16
     *             },
     *             {
     *               "rank": 8
     *             }
     *           ]
     *         },
     *         {
     *           "kind": "analyze",
     *           "adapter_id": "ad_7d6a5f4e3d2c1b0a9988774f9a1c0e8b",
     *           "labels": {
     *             "why": "new"
     *           }
     *         }
     *       ]
     *     }
     */
    BatchRequest: {
      /** @description The same work for each of these adapters, none of which may be listed twice. An adapter with all its targets is one job, because targets share the reading and the decomposition. */
      adapter_ids?: string[];
      deliver?: components['schemas']['DeliverPrefix'];
      dry_run?: components['schemas']['DryRun'];
      /** @description A list of jobs of any kind. Settings of the batch (kind, targets, labels, deliver and so on) apply to jobs that do not have their own. */
      jobs?: components['schemas']['JobRequest'][];
      /**
       * @description Default: squeeze
       * @enum {string}
       */
      kind?: 'squeeze' | 'analyze';
      labels?: components['schemas']['Labels'];
      name?: components['schemas']['RecordName'];
      options?: components['schemas']['SqueezeOptions'];
      priority?: components['schemas']['JobPriority'];
      results?: components['schemas']['ResultSettings'];
      /**
       * @description Whether equal requests, in progress or done, may share the work. The job has its own results, labels, priority and time to live in any case. `false` repeats the work.
       * @default true
       */
      reuse?: boolean;
      source_prefix?: components['schemas']['SourcePrefix'];
      /** @description The same work for each of these sources, none of which may be listed twice; the jobs fetch the adapters */
      sources?: components['schemas']['Source'][];
      /** @description Required for squeeze */
      targets?: components['schemas']['Target'][];
      ttl_seconds?: components['schemas']['TtlSeconds'];
      webhook?: components['schemas']['RequestWebhook'];
    };
    BatchResultDelivery: {
      /** @description Why it failed; for a partial item, the error of the first failed target */
      error: components['schemas']['BatchItemError'] | null;
      /** @description The location, without secrets */
      place: string;
      /**
       * @description State of this delivery; POST /v1/jobs/{id}/deliveries/retry repeats failed ones
       * @enum {string}
       */
      state: 'pending' | 'succeeded' | 'failed';
    };
    /**
     * @description The outcome of one item for one of its targets
     * @example {
     *       "index": 0,
     *       "name": "support-chat-v3",
     *       "job_id": "job_019ac7e0f3a200009a1c0e8b7d6a5f4e",
     *       "kind": "squeeze",
     *       "source": null,
     *       "adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *       "target": 0,
     *       "state": "succeeded",
     *       "result_id": "ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0",
     *       "rank": {
     *         "min": 16,
     *         "max": 16
     *       },
     *       "bytes": 40021200,
     *       "relative_error": 0.0812,
     *       "deliveries": [
     *         {
     *           "state": "succeeded",
     *           "place": "s3://models/out/support-chat-v3",
     *           "error": null
     *         }
     *       ],
     *       "error": null,
     *       "finished_at": "2026-11-24T21:51:03.480Z"
     *     }
     */
    BatchResultLine: {
      /** @description The adapter of the item; null if it is fetched, and for a merge, which has several */
      adapter_id: string | null;
      /** @description Size of the weights file */
      bytes: number | null;
      /** @description Deliveries of the result */
      deliveries: components['schemas']['BatchResultDelivery'][];
      /** @description Why this target or the whole item failed */
      error: (components['schemas']['BatchItemError'] | null) | null;
      /** @description When the item ended */
      finished_at: (string | null) | null;
      /** @description Position in the request, from 0 */
      index: number;
      /** @description null: the item could not be tried; `error` gives the reason */
      job_id: string | null;
      kind: components['schemas']['JobKind'];
      /** @description Name: the path below the prefix, the last part of the source, or the name of the adapter. Its results are delivered to the folder with this name below `deliver` */
      name: string;
      /** @description Smallest and largest rank of the result */
      rank: {
        max: number;
        min: number;
      } | null;
      /** @description ‖ΔW − ΔW′‖_F / ‖ΔW‖_F over all modules, measured on the written file */
      relative_error: number | null;
      /** @description The adapter that was made, which may have been removed since; for an import, the adapter that was fetched */
      result_id: string | null;
      /** @description Source of the adapter, without secrets */
      source: string | null;
      /**
       * @description State of this target; before the item has ended, the state of the item
       * @enum {string}
       */
      state: 'queued' | 'active' | 'succeeded' | 'failed' | 'cancelled';
      /** @description Position of the target, from 0; null if jobs of this kind have no targets, or if the job was deleted and the position is not known */
      target: number | null;
    };
    /**
     * @description active: some items have not ended. succeeded: all items succeeded. partial: something succeeded, but some items failed, as a whole or in part. failed: some items failed and nothing succeeded. cancelled: the batch was cancelled, or some of its items were cancelled and none failed
     * @enum {string}
     */
    BatchState: 'active' | 'succeeded' | 'partial' | 'failed' | 'cancelled';
    /**
     * @description The caller, as the service knows it
     * @example {
     *       "authentication": "keys",
     *       "tenant": "team-a",
     *       "key_id": "key_5f0c2a9b7e31",
     *       "scopes": [
     *         "read",
     *         "write"
     *       ]
     *     }
     */
    Caller: {
      /**
       * @description `open`: no caller needs a key, and keys and tenants cannot be managed over REST; `keys`: every caller needs one
       * @enum {string}
       */
      authentication: 'open' | 'keys';
      /** @description Id of the key, or `jwt:` and the subject of the token; null where no key is needed */
      key_id: string | null;
      /** @description Scopes of the caller */
      scopes: ('read' | 'write' | 'tenant_admin' | 'admin')[];
      /**
       * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
       * @example team-a
       */
      tenant: string;
    };
    Capabilities: {
      /** @description Accepted values of `format_options.architecture`, for GGUF */
      architectures: string[];
      formats: components['schemas']['Format'][];
      /** @description Limits of requests */
      limits: {
        /** @description Items of one batch */
        batch_items: number;
        /** @description Labels of one record */
        labels: number;
        /** @description Adapters of one merge */
        merge_sources: number;
        /** @description Records on one page of a list */
        page_items: number;
        /** @description Targets of one job */
        targets: number;
        /** @description Bytes of one upload */
        upload_bytes: number;
        /** @description Longest wait in seconds that `Prefer: wait` accepts */
        wait_seconds: number;
      };
      /** @description Servers whose rules the service knows */
      profiles: components['schemas']['Profile'][];
      /** @description Version of the service */
      version: string;
    };
    /**
     * @example {
     *       "run_id": "run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "step": 750,
     *       "decision": "squeeze",
     *       "reason": "Stage 2 of 3 (rank 32) began at step 750.",
     *       "state": "succeeded",
     *       "late_by_steps": 0,
     *       "rank_before": {
     *         "min": 64,
     *         "max": 64
     *       },
     *       "rank_after": {
     *         "min": 32,
     *         "max": 32
     *       },
     *       "source_adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *       "adapter_id": "ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0",
     *       "relative_error": 0.0412,
     *       "energy_retained": 0.9983,
     *       "loss": 1.284,
     *       "learning_rate": {
     *         "factor": 1.2599210498948732,
     *         "warm_up_steps": 30,
     *         "decay_steps": 0,
     *         "share": 0.3308783573780683,
     *         "begin_step": 750,
     *         "end_step": 1500
     *       },
     *       "training": {
     *         "learning_rate_factor": 1.02,
     *         "revived_directions": 0,
     *         "optimizer": "carried"
     *       },
     *       "files": [
     *         {
     *           "name": "adapter_model.safetensors",
     *           "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *           "bytes": 79984200,
     *           "href": "/v1/adapters/ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0/files/adapter_model.safetensors"
     *         },
     *         {
     *           "name": "adapter_config.json",
     *           "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *           "bytes": 724,
     *           "href": "/v1/adapters/ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0/files/adapter_config.json"
     *         },
     *         {
     *           "name": "projections.safetensors",
     *           "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *           "bytes": 3680112,
     *           "href": "/v1/jobs/job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d/artifacts/projections.safetensors"
     *         },
     *         {
     *           "name": "optimizer.safetensors",
     *           "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *           "bytes": 319930824,
     *           "href": "/v1/jobs/job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d/artifacts/optimizer.safetensors"
     *         }
     *       ],
     *       "job_id": "job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "superseded": false,
     *       "next_checkpoint_step": 1500,
     *       "error": null,
     *       "created_at": "2026-11-24T21:51:00.000Z"
     *     }
     */
    Checkpoint: {
      /** @description The adapter to continue with; null until the squeeze is done, and if the checkpoint was kept without a job, because the trainer already has that adapter. */
      adapter_id: string | null;
      /** Format: date-time */
      created_at: string;
      /**
       * @description keep: there is nothing to squeeze now, so continue with your adapter. A squeeze by the spectrum also ends as keep if it finds nothing to squeeze.
       * @enum {string}
       */
      decision: 'squeeze' | 'keep';
      energy_retained: number | null;
      error: components['schemas']['JobFailure'] | null;
      /** @description Weights, configuration, projections.safetensors and, if moments were sent, optimizer.safetensors. Empty for keep, and until the squeeze is done. */
      files: components['schemas']['CheckpointFile'][];
      /** @description null for keep */
      job_id: string | null;
      /** @description Number of steps by which the checkpoint came after the scheduled squeeze */
      late_by_steps: number;
      /** @description null until the squeeze is done. This is the rate of the plan; `training.learning_rate_factor` is a hint that is computed from the factors. */
      learning_rate: components['schemas']['RunLearningRate'] | null;
      /** @description The training loss that the trainer sent; null: none */
      loss: number | null;
      /** @description When to send the next checkpoint; null: train to the end. For a failed checkpoint, its own step, to send it again. */
      next_checkpoint_step: number | null;
      /** @description null until the squeeze is done */
      rank_after: components['schemas']['RankRange'] | null;
      rank_before: components['schemas']['RankRange'];
      /** @description The reason, in words */
      reason: string;
      relative_error: number | null;
      run_id: string;
      /** @description The checkpoint as it was sent; null if the decision is keep, because its files are not stored then */
      source_adapter_id: string | null;
      /**
       * @description State of the job of the checkpoint; succeeded for keep
       * @enum {string}
       */
      state: 'queued' | 'active' | 'succeeded' | 'failed' | 'cancelled';
      /** @description Optimizer steps done */
      step: number;
      /** @description Whether another checkpoint replaced this one: the run was rewound to this step or an earlier one, or the checkpoint had failed and was sent again */
      superseded: boolean;
      training: {
        /** @description The factor of the learning rate that keeps the size of a step in ΔW, for optimizers whose step size does not depend on the gradient, such as Adam. It is s·√Σ(m‖A‖² + n‖B‖²) before the squeeze, divided by that after it. In a run, `learning_rate` is the rate of the plan. */
        learning_rate_factor: number;
        /**
         * @description What happened to the moments; none: no moments were sent
         * @enum {string}
         */
        optimizer: 'carried' | 'reset' | 'none';
        /** @description Number of directions that got a random A */
        revived_directions: number;
      } | null;
    };
    CheckpointFile: {
      bytes: number;
      /** @description Path of the download */
      href: string;
      /** @example adapter_model.safetensors */
      name: string;
      /** @description SHA-256 of the content, hex */
      sha256: string;
    };
    /** @description A squeeze of an annealing run; created by its checkpoints */
    CheckpointJobRequest: {
      adapter_id: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'checkpoint';
      optimizer: {
        /** @enum {string} */
        mode: 'carry' | 'reset';
        /** @description SHA-256 of the moments that were sent with the checkpoint */
        sha256: string;
      } | null;
      options?: components['schemas']['SqueezeOptions'];
      results?: components['schemas']['ResultSettings'];
      run_id: string;
      step: number;
      targets: components['schemas']['Target'][];
    };
    /**
     * @example {
     *       "id": "conn_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "name": "models",
     *       "kind": "s3",
     *       "description": "The bucket of the platform",
     *       "prefixes": [
     *         "s3://models/in",
     *         "s3://models/out"
     *       ],
     *       "region": "eu-west-1",
     *       "endpoint": null,
     *       "path_style": null,
     *       "ambient": false,
     *       "has_credentials": true,
     *       "allowed_hosts": [],
     *       "created_at": "2026-11-24T21:40:00.000Z",
     *       "updated_at": "2026-11-24T21:40:00.000Z"
     *     }
     */
    Connection: {
      /**
       * @description Hosts that this connection may reach although they are not public. Requires the scope `admin`
       * @example [
       *       "minio.internal:9000"
       *     ]
       */
      allowed_hosts: string[];
      /** @description Whether the service uses its own identity: for s3, the credentials that the AWS SDK finds (environment, instance or pod role); for hub, HF_TOKEN. Requires the scope `admin` */
      ambient: boolean;
      /** Format: date-time */
      created_at: string;
      /** @description What the connection is for */
      description: string;
      /** @description s3: URL of a store other than AWS. hub: URL of a mirror. Default: AWS, or the Hub of the service */
      endpoint: string | null;
      /** @description Whether the connection has credentials of its own, which are never shown */
      has_credentials: boolean;
      /** @example conn_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d */
      id: string;
      /** @enum {string} */
      kind: 's3' | 'hub' | 'url';
      /**
       * @description Name of a connection: lower-case letters, digits and hyphens, no hyphen at either end
       * @example models
       */
      name: string;
      /** @description s3 only: whether the bucket is part of the path of URLs instead of the host name. Default: true if there is an endpoint */
      path_style: boolean | null;
      /**
       * @description What the connection covers: `s3://bucket` or `s3://bucket/folder`; `hf://owner`, `hf://owner/repo` or a folder of a repository; `https://host` or `https://host/folder`. Each covers everything below it: `s3://models/in` covers `s3://models/in/x` but not `s3://models/index`
       * @example [
       *       "s3://models/in",
       *       "s3://models/out"
       *     ]
       */
      prefixes: string[];
      /** @description s3 only: the region of the buckets. Default: us-east-1 */
      region: string | null;
      /** Format: date-time */
      updated_at: string;
    };
    /**
     * @description Absent fields stay unchanged. A change that would send the credentials to new places must include them again
     * @example {
     *       "credentials": {
     *         "access_key_id": "AKIAEXAMPLE2",
     *         "secret_access_key": "not-a-real-one-either"
     *       }
     *     }
     */
    ConnectionChange: {
      /**
       * @description Hosts that this connection may reach although they are not public. Requires the scope `admin`
       * @example [
       *       "minio.internal:9000"
       *     ]
       */
      allowed_hosts?: string[];
      /** @description Whether the service uses its own identity: for s3, the credentials that the AWS SDK finds (environment, instance or pod role); for hub, HF_TOKEN. Requires the scope `admin` */
      ambient?: boolean;
      credentials?:
        | components['schemas']['S3Credentials']
        | components['schemas']['HubCredentials']
        | components['schemas']['UrlCredentials'];
      /** @description What the connection is for */
      description?: string;
      /** @description s3: URL of a store other than AWS. hub: URL of a mirror. Default: AWS, or the Hub of the service */
      endpoint?: string | null;
      /** @description s3 only: whether the bucket is part of the path of URLs instead of the host name. Default: true if there is an endpoint */
      path_style?: boolean;
      /**
       * @description What the connection covers: `s3://bucket` or `s3://bucket/folder`; `hf://owner`, `hf://owner/repo` or a folder of a repository; `https://host` or `https://host/folder`. Each covers everything below it: `s3://models/in` covers `s3://models/in/x` but not `s3://models/index`
       * @example [
       *       "s3://models/in",
       *       "s3://models/out"
       *     ]
       */
      prefixes?: string[];
      /** @description s3 only: the region of the buckets. Default: us-east-1 */
      region?: string;
    };
    /**
     * @example {
     *       "data": [
     *         {
     *           "id": "conn_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *           "name": "models",
     *           "kind": "s3",
     *           "description": "The bucket of the platform",
     *           "prefixes": [
     *             "s3://models/in",
     *             "s3://models/out"
     *           ],
     *           "region": "eu-west-1",
     *           "endpoint": null,
     *           "path_style": null,
     *           "ambient": false,
     *           "has_credentials": true,
     *           "allowed_hosts": [],
     *           "created_at": "2026-11-24T21:40:00.000Z",
     *           "updated_at": "2026-11-24T21:40:00.000Z"
     *         }
     *       ],
     *       "next_cursor": null
     *     }
     */
    ConnectionList: {
      data: components['schemas']['Connection'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    /**
     * @example {
     *       "kind": "s3",
     *       "name": "models",
     *       "description": "The bucket of the platform",
     *       "prefixes": [
     *         "s3://models/in",
     *         "s3://models/out"
     *       ],
     *       "region": "eu-west-1",
     *       "credentials": {
     *         "access_key_id": "AKIAEXAMPLE",
     *         "secret_access_key": "not-a-real-one"
     *       }
     *     }
     */
    ConnectionRequest:
      | components['schemas']['S3ConnectionRequest']
      | components['schemas']['HubConnectionRequest']
      | components['schemas']['UrlConnectionRequest'];
    Conversion: {
      format: components['schemas']['FormatName'];
      /** @description What cannot be converted, one sentence each */
      limits: string[];
      /** @description Fields of `format_options` that a target for this conversion must have */
      needs: ('component' | 'architecture' | 'heads' | 'kv_heads' | 'base_model')[];
      /** @description Other fields of `format_options` that a target for this conversion may have */
      takes: ('component' | 'architecture' | 'heads' | 'kv_heads' | 'base_model')[];
    };
    DeliveredAdapter: {
      /** @description null: the adapter does not exist yet */
      adapter_id: string | null;
      /** @description All files together */
      bytes: number | null;
      /** @description The new commit; for the Hub only */
      commit: string | null;
      error: components['schemas']['JobFailure'] | null;
      files: components['schemas']['AdapterFile'][];
      /** Format: date-time */
      finished_at: string | null;
      /** @enum {string} */
      kind: 'url' | 's3' | 'hub';
      /** @description The location, without secrets */
      place: string;
      /**
       * @description State of this delivery; POST /v1/jobs/{id}/deliveries/retry repeats failed ones
       * @enum {string}
       */
      state: 'pending' | 'succeeded' | 'failed';
      /**
       * @description Position of the target; null for an export
       * @default 0
       */
      target: number | null;
    };
    /** @description A folder for all results. The results of each item go to a folder with its `name`; if there are several targets, each gets a folder below that, such as `r16` */
    DeliverPrefix: components['schemas']['Destination'] | string;
    /** @description A sink for one result */
    DeliverRequest: {
      /**
       * @description Other files to deliver: the report of the job as report.json, the card (if any) as README.md
       * @default [
       *       "card"
       *     ]
       */
      include?: ('report' | 'card')[];
      /**
       * @description Position of the target, from 0
       * @default 0
       */
      target?: number;
      to: components['schemas']['Sink'];
    };
    /**
     * @example {
     *       "id": "msg_019ac7e100d14f9a1c0e8b7d6a5f4e3d",
     *       "webhook_id": "wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "type": "job.succeeded",
     *       "subject": "job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "state": "delivered",
     *       "created_at": "2026-11-24T21:51:03.510Z",
     *       "next_attempt_at": null,
     *       "attempts": [
     *         {
     *           "number": 1,
     *           "at": "2026-11-24T21:51:03.540Z",
     *           "status": 503,
     *           "ms": 41,
     *           "error": "The receiver answered 503.",
     *           "response": "upstream restarting"
     *         },
     *         {
     *           "number": 2,
     *           "at": "2026-11-24T21:51:09.012Z",
     *           "status": 204,
     *           "ms": 38,
     *           "error": null,
     *           "response": ""
     *         }
     *       ]
     *     }
     */
    Delivery: {
      /** @description At most the last 50 attempts, in ascending order of time */
      attempts: components['schemas']['DeliveryAttempt'][];
      /** Format: date-time */
      created_at: string;
      /**
       * @description Id of the delivery, which is the header `webhook-id` of all its requests
       * @example msg_019ac7e100d14f9a1c0e8b7d6a5f4e3d
       */
      id: string;
      /**
       * Format: date-time
       * @description Time of the next attempt; null: there is none
       */
      next_attempt_at: string | null;
      state: components['schemas']['DeliveryState'];
      /** @description Id of the job or batch of the event; null for a test */
      subject: string | null;
      /** @enum {string} */
      type:
        | 'job.queued'
        | 'job.started'
        | 'job.succeeded'
        | 'job.partial'
        | 'job.failed'
        | 'job.cancelled'
        | 'batch.ended'
        | 'webhook.test';
      /**
       * @description Id of a webhook
       * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
       */
      webhook_id: string;
    };
    DeliveryAttempt: {
      /** Format: date-time */
      at: string;
      /** @description Why the attempt failed; null: it succeeded */
      error: string | null;
      /** @description Milliseconds until the response arrived or the attempt ended without one */
      ms: number;
      number: number;
      /** @description Beginning of the response, at most 1 kB; null: there was none */
      response: string | null;
      /** @description Status of the response; null: there was none */
      status: number | null;
    };
    /**
     * @example {
     *       "data": [
     *         {
     *           "id": "msg_019ac7e100d14f9a1c0e8b7d6a5f4e3d",
     *           "webhook_id": "wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *           "type": "job.succeeded",
     *           "subject": "job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *           "state": "delivered",
     *           "created_at": "2026-11-24T21:51:03.510Z",
     *           "next_attempt_at": null,
     *           "attempts": [
     *             {
     *               "number": 1,
     *               "at": "2026-11-24T21:51:03.540Z",
     *               "status": 503,
     *               "ms": 41,
     *               "error": "The receiver answered 503.",
     *               "response": "upstream restarting"
     *             },
     *             {
     *               "number": 2,
     *               "at": "2026-11-24T21:51:09.012Z",
     *               "status": 204,
     *               "ms": 38,
     *               "error": null,
     *               "response": ""
     *             }
     *           ]
     *         }
     *       ],
     *       "next_cursor": null
     *     }
     */
    DeliveryList: {
      data: components['schemas']['Delivery'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    /**
     * @description pending: attempts continue; delivered: the receiver answered with 2xx; failed: there are no more attempts
     * @enum {string}
     */
    DeliveryState: 'pending' | 'delivered' | 'failed';
    /** @description One sink for all targets; if there are several targets, each gets a folder of its own */
    Destination: {
      /**
       * @description Other files to deliver: the report of the job as report.json, the card (if any) as README.md
       * @default [
       *       "card"
       *     ]
       */
      include?: ('report' | 'card')[];
      to: components['schemas']['Sink'];
    };
    /**
     * @description Returns a forecast and executes nothing. A request that would be refused is refused in the same way; otherwise the response is 200 and has the same type, with the `id` "dry_run" and, for jobs and batches, a `forecast`. Nothing is stored or queued, and no webhooks are sent.
     * @default false
     */
    DryRun: boolean;
    /** @description The `Job` at that time; `omitted` lists fields that are left out */
    EventJob: {
      attempts?: number;
      batch_id?: string | null;
      /** Format: date-time */
      created_at?: string;
      deliveries?: components['schemas']['DeliveredAdapter'][];
      error?: components['schemas']['JobFailure'] | null;
      /** Format: date-time */
      expires_at?: string | null;
      /** Format: date-time */
      finished_at?: string | null;
      id: string;
      imported?: components['schemas']['ImportedAdapter'] | null;
      kind: components['schemas']['JobKind'];
      labels?: components['schemas']['Labels'];
      name?: components['schemas']['RecordName'] | null;
      priority?: components['schemas']['JobPriority'];
      progress?: components['schemas']['Progress'];
      provider?: components['schemas']['ProviderInfo'] | null;
      request?: components['schemas']['RecordedJobRequest'];
      results?: components['schemas']['JobResult'][];
      retry_of?: string | null;
      reused?: boolean;
      /** Format: date-time */
      started_at?: string | null;
      state: components['schemas']['JobState'];
      timings?: components['schemas']['Timings'] | null;
      ttl_seconds?: components['schemas']['TtlSeconds'] | null;
      webhook_id?: string | null;
    };
    ExpectedLoss: {
      /**
       * @description Expected loss of accuracy, as a rule of thumb. SOME_LOSS_LIKELY: module_energy_retained is below 0.86. LOSS_EXPECTED: below 0.7
       * @enum {string}
       */
      code: 'SOME_LOSS_LIKELY' | 'LOSS_EXPECTED';
      /** @description The smallest uniform rank at which modules keep 0.86 of their energy on average; null if no rank below that of the source is known to keep so much */
      keeping_rank: number | null;
    };
    /** @description Delivers an adapter to a sink */
    ExportJobRequest: {
      adapter_id: string;
      dry_run?: components['schemas']['DryRun'];
      /**
       * @description Other files to deliver: the report of the job as report.json, the card (if any) as README.md
       * @default [
       *       "card"
       *     ]
       */
      include?: ('report' | 'card')[];
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'export';
      labels?: components['schemas']['Labels'];
      name?: components['schemas']['RecordName'];
      priority?: components['schemas']['JobPriority'];
      /**
       * @description Whether equal requests, in progress or done, may share the work. The job has its own results, labels, priority and time to live in any case. `false` repeats the work.
       * @default true
       */
      reuse?: boolean;
      to: components['schemas']['Sink'];
      ttl_seconds?: components['schemas']['TtlSeconds'];
      webhook?: components['schemas']['RequestWebhook'];
    };
    /** @description A target that failed; it has no files */
    FailedResult: {
      error: components['schemas']['JobFailure'];
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      state: 'failed';
      target: components['schemas']['Target'];
    };
    Format: {
      /** @description Formats to which adapters in this format can be converted */
      converts_to: components['schemas']['Conversion'][];
      /** @description Names of the files of a result, with the weights first. Uploaded files may have other names */
      files: string[];
      name: components['schemas']['FormatName'];
      notes: string[];
      /** @description Whether adapters in this format can be uploaded */
      reads: boolean;
      title: string;
      /** @description Whether results can be written in this format */
      writes: boolean;
    };
    /**
     * @description See GET /v1/capabilities
     * @enum {string}
     */
    FormatName: 'peft' | 'diffusers' | 'kohya' | 'xlabs' | 'cloneofsimo' | 'mlx' | 'gguf';
    /** @description Information that a conversion needs and the files do not contain */
    FormatOptions: {
      /**
       * @description GGUF: general.architecture of the base model
       * @example qwen2
       */
      architecture?: string;
      /** @description PEFT: base_model_name_or_path of the result, if the source does not name the base model */
      base_model?: string;
      /**
       * @description diffusers, kohya: the part of the pipeline to which the adapter belongs. Default: the part that the names of its modules indicate
       * @enum {string}
       */
      component?: 'unet' | 'transformer' | 'text_encoder' | 'text_encoder_2';
      /** @description GGUF: attention heads of the base model; needed for llama (and Mistral), granite and smollm3, whose q and k rows llama.cpp reorders */
      heads?: number;
      /** @description GGUF: key and value heads of the base model. Default: `heads` */
      kv_heads?: number;
    };
    /** @description Repositories on the Hugging Face Hub or on a mirror; without credentials, only public ones */
    HubConnectionRequest: {
      /**
       * @description Hosts that this connection may reach although they are not public. Requires the scope `admin`
       * @default []
       * @example [
       *       "minio.internal:9000"
       *     ]
       */
      allowed_hosts?: string[];
      /**
       * @description Whether the service uses its own identity: for s3, the credentials that the AWS SDK finds (environment, instance or pod role); for hub, HF_TOKEN. Requires the scope `admin`
       * @default false
       */
      ambient?: boolean;
      credentials?: components['schemas']['HubCredentials'];
      /**
       * @description What the connection is for
       * @default
       */
      description?: string;
      /** @description s3: URL of a store other than AWS. hub: URL of a mirror. Default: AWS, or the Hub of the service */
      endpoint?: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'hub';
      /**
       * @description Name of a connection: lower-case letters, digits and hyphens, no hyphen at either end
       * @example models
       */
      name: string;
      /**
       * @description What the connection covers: `s3://bucket` or `s3://bucket/folder`; `hf://owner`, `hf://owner/repo` or a folder of a repository; `https://host` or `https://host/folder`. Each covers everything below it: `s3://models/in` covers `s3://models/in/x` but not `s3://models/index`
       * @example [
       *       "s3://models/in",
       *       "s3://models/out"
       *     ]
       */
      prefixes: string[];
    };
    /** @description Never shown again */
    HubCredentials: {
      /** @description Access token of the Hub; never shown again */
      token: string;
    };
    /** @description A model repository on the Hugging Face Hub, as one commit */
    HubSink: {
      commit_message?: string;
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      /**
       * @description Creates the repository, as a private one, if it does not exist
       * @default false
       */
      create?: boolean;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'hub';
      /** @description Folder in the repository; unset: its root */
      path_in_repo?: string;
      /** @example owner/adapter */
      repo: string;
      /**
       * @description Branch; it must exist
       * @default main
       */
      revision?: string;
      /** @description Access token of the Hub; never shown again */
      token?: string;
    };
    /** @description A model repository on the Hugging Face Hub */
    HubSource: {
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      /**
       * @description Name of the weights file; unset: adapter_model.safetensors, pytorch_lora_weights.safetensors, adapters.safetensors, or else the only .safetensors or .gguf file
       * @example my-lora.safetensors
       */
      filename?: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'hub';
      /** @example owner/adapter */
      repo: string;
      /**
       * @description Branch, tag or commit
       * @default main
       */
      revision?: string;
      /** @description Folder in the repository; unset: its root */
      subfolder?: string;
      /** @description Access token of the Hub; never shown again */
      token?: string;
    };
    /** @description How the adapter of this job was fetched */
    ImportedAdapter: {
      adapter_id: string;
      /** @description All files together */
      bytes: number;
      /** @description The commit that `revision` named at that time; for the Hub only */
      commit: string | null;
      files: components['schemas']['AdapterFile'][];
      /** Format: date-time */
      finished_at: string;
      /** @enum {string} */
      kind: 'url' | 's3' | 'hub';
      /** @description The location, without secrets */
      place: string;
      /** @description The revision that was requested; for the Hub only */
      revision: string | null;
    };
    /** @description Fetches an adapter; `imported.adapter_id` of the job is then its id */
    ImportJobRequest: {
      dry_run?: components['schemas']['DryRun'];
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'import';
      labels?: components['schemas']['Labels'];
      name?: components['schemas']['RecordName'];
      priority?: components['schemas']['JobPriority'];
      results?: components['schemas']['ImportSettings'];
      /**
       * @description Whether equal requests, in progress or done, may share the work. The job has its own results, labels, priority and time to live in any case. `false` repeats the work.
       * @default true
       */
      reuse?: boolean;
      source: components['schemas']['Source'];
      ttl_seconds?: components['schemas']['TtlSeconds'];
      webhook?: components['schemas']['RequestWebhook'];
    };
    /** @description Name, labels and time to live of the fetched adapter */
    ImportSettings: {
      labels?: components['schemas']['Labels'];
      /**
       * @description `{source}`: the default name of a fetched adapter; `{rank}`: its rank, or the smallest and the largest as `4-16`. Names longer than 200 characters are shortened, `{source}` first. Default: `{source}`.
       * @example hub/{source}
       */
      name?: string;
      ttl_seconds?: components['schemas']['TtlSeconds'];
    };
    /**
     * @example {
     *       "id": "job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "kind": "squeeze",
     *       "state": "succeeded",
     *       "progress": {
     *         "phase": "done",
     *         "done": 224,
     *         "total": 224,
     *         "module": null
     *       },
     *       "created_at": "2026-11-24T21:51:00.000Z",
     *       "started_at": "2026-11-24T21:51:00.120Z",
     *       "finished_at": "2026-11-24T21:51:03.480Z",
     *       "attempts": 1,
     *       "name": null,
     *       "labels": {
     *         "team": "search"
     *       },
     *       "priority": "normal",
     *       "ttl_seconds": null,
     *       "expires_at": null,
     *       "batch_id": null,
     *       "retry_of": null,
     *       "webhook_id": null,
     *       "reused": false,
     *       "request": {
     *         "kind": "squeeze",
     *         "adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *         "targets": [
     *           {
     *             "rank": 16
     *           }
     *         ]
     *       },
     *       "imported": null,
     *       "deliveries": [],
     *       "results": [
     *         {
     *           "target": {
     *             "rank": 16
     *           },
     *           "state": "succeeded",
     *           "adapter_id": "ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0",
     *           "format": "peft",
     *           "rank": {
     *             "min": 16,
     *             "max": 16
     *           },
     *           "bytes": 40021200,
     *           "parameters": 19988480,
     *           "relative_error": 0.0812,
     *           "energy_retained": 0.9934,
     *           "module_relative_error": 0.0927,
     *           "module_energy_retained": 0.9914,
     *           "expected_loss": null,
     *           "worst_module": {
     *             "name": "model.layers.31.mlp.down_proj",
     *             "relative_error": 0.1377
     *           },
     *           "size": [
     *             {
     *               "what": "lora",
     *               "tensors": 448,
     *               "bytes": 39976960
     *             }
     *           ],
     *           "warnings": [],
     *           "serving": null,
     *           "training": null
     *         }
     *       ],
     *       "timings": {
     *         "queue_wait": 0.12,
     *         "load": 0.31,
     *         "gram": 0.74,
     *         "core": 0.62,
     *         "project": 1.03,
     *         "write": 0.48,
     *         "total": 3.36
     *       },
     *       "provider": {
     *         "name": "cpu",
     *         "requested": "auto",
     *         "threads": 2,
     *         "onnxruntime": "1.30.0",
     *         "fallback_reason": null
     *       },
     *       "error": null
     *     }
     */
    Job: {
      /** @description Number of attempts that were started */
      attempts: number;
      /** @description The batch to which it belongs */
      batch_id: string | null;
      /** Format: date-time */
      created_at: string;
      /** @description Deliveries, in the order of the request */
      deliveries: components['schemas']['DeliveredAdapter'][];
      /** @description Why the job failed; if all targets failed, the error of the first target. null for a partial job, whose `results` contain the errors */
      error: components['schemas']['JobFailure'] | null;
      /** @description Only for a single queued job, and if there are workers: the estimated time until it starts */
      estimated_start_seconds?: number;
      /**
       * Format: date-time
       * @description When the record expires; a later sweep removes it. null: the record is kept
       */
      expires_at: string | null;
      /** Format: date-time */
      finished_at: string | null;
      forecast?: components['schemas']['JobForecast'];
      id: string;
      /** @description The adapter that the job fetched */
      imported: components['schemas']['ImportedAdapter'] | null;
      kind: components['schemas']['JobKind'];
      labels: components['schemas']['Labels'];
      name: components['schemas']['RecordName'] | null;
      priority: components['schemas']['JobPriority'];
      progress: components['schemas']['Progress'];
      provider: components['schemas']['ProviderInfo'] | null;
      /** @description Only for a single waiting job: its position among the waiting jobs of its tenant; 1 is next */
      queue_position?: number;
      request: components['schemas']['RecordedJobRequest'];
      /** @description One for each target, in the same order, failed ones included. Empty before the job has ended, if it failed as a whole (for example because its adapter cannot be read), and if it was cancelled */
      results: components['schemas']['JobResult'][];
      /** @description The job that this one retries */
      retry_of: string | null;
      /** @description Whether the work of this job was already done, or in progress for another job, when it was accepted */
      reused: boolean;
      /** Format: date-time */
      started_at: string | null;
      state: components['schemas']['JobState'];
      timings: components['schemas']['Timings'] | null;
      ttl_seconds: components['schemas']['TtlSeconds'] | null;
      /** @description The webhook that was requested with it or with its batch; see `GET /v1/webhooks/{id}/deliveries` */
      webhook_id: string | null;
    };
    JobArtifactList: {
      data: components['schemas']['Artifact'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    /** @description For an event `state`, the job; for an event `progress`, its progress */
    JobEventData: components['schemas']['Job'] | components['schemas']['JobProgress'];
    JobFailure: {
      code: string;
      context?: {
        [key: string]: unknown;
      };
      detail: string;
      retryable: boolean;
      title: string;
    };
    /** @description The forecast for a job */
    JobForecast: {
      /** @description Whether the work is already done or in progress for another job */
      reused: boolean;
      /** @description Estimated duration of the work of the job, without fetching and delivering; 0 if it is already done. null while there are no workers, if nothing is computed, or if the adapter still has to be fetched */
      seconds: number | null;
      /** @description Estimated time until the job starts; null while there are no workers */
      starts_in_seconds: number | null;
      /** @description One for each target, in the same order */
      targets: components['schemas']['TargetForecast'][];
    };
    /** @enum {string} */
    JobKind: 'squeeze' | 'analyze' | 'merge' | 'checkpoint' | 'import' | 'export';
    /**
     * @example {
     *       "data": [
     *         {
     *           "id": "job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *           "kind": "squeeze",
     *           "state": "succeeded",
     *           "progress": {
     *             "phase": "done",
     *             "done": 224,
     *             "total": 224,
     *             "module": null
     *           },
     *           "created_at": "2026-11-24T21:51:00.000Z",
     *           "started_at": "2026-11-24T21:51:00.120Z",
     *           "finished_at": "2026-11-24T21:51:03.480Z",
     *           "attempts": 1,
     *           "name": null,
     *           "labels": {
     *             "team": "search"
     *           },
     *           "priority": "normal",
     *           "ttl_seconds": null,
     *           "expires_at": null,
     *           "batch_id": null,
     *           "retry_of": null,
     *           "webhook_id": null,
     *           "reused": false,
     *           "request": {
     *             "kind": "squeeze",
     *             "adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *             "targets": [
     *               {
     *                 "rank": 16
     *               }
     *             ]
     *           },
     *           "imported": null,
     *           "deliveries": [],
     *           "results": [
     *             {
     *               "target": {
     *                 "rank": 16
     *               },
     *               "state": "succeeded",
     *               "adapter_id": "ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0",
     *               "format": "peft",
     *               "rank": {
     *                 "min": 16,
     *                 "max": 16
     *               },
     *               "bytes": 40021200,
     *               "parameters": 19988480,
     *               "relative_error": 0.0812,
     *               "energy_retained": 0.9934,
     *               "module_relative_error": 0.0927,
     *               "module_energy_retained": 0.9914,
     *               "expected_loss": null,
     *               "worst_module": {
     *                 "name": "model.layers.31.mlp.down_proj",
     *                 "relative_error": 0.1377
     *               },
     *               "size": [
     *                 {
     *                   "what": "lora",
     *                   "tensors": 448,
     *                   "bytes": 39976960
     *                 }
     *               ],
     *               "warnings": [],
     *               "serving": null,
     *               "training": null
     *             }
     *           ],
     *           "timings": {
     *             "queue_wait": 0.12,
     *             "load": 0.31,
     *             "gram": 0.74,
     *             "core": 0.62,
     *             "project": 1.03,
     *             "write": 0.48,
     *             "total": 3.36
     *           },
     *           "provider": {
     *             "name": "cpu",
     *             "requested": "auto",
     *             "threads": 2,
     *             "onnxruntime": "1.30.0",
     *             "fallback_reason": null
     *           },
     *           "error": null
     *         }
     *       ],
     *       "next_cursor": "am9iXzAxOWFjN2UwZjNhMjRmOWExYzBlOGI3ZDZhNWY0ZTNk"
     *     }
     */
    JobList: {
      data: components['schemas']['Job'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    /**
     * @description Absent fields stay unchanged. `labels` replaces all labels.
     * @example {
     *       "name": "search-v3 to rank 16",
     *       "labels": {
     *         "team": "search",
     *         "env": "prod"
     *       }
     *     }
     */
    JobPatch: {
      labels?: components['schemas']['Labels'];
      /** @description null removes the name */
      name?: components['schemas']['RecordName'] | null;
    };
    /**
     * @description Among the jobs of a tenant, those with a higher priority start first; within a priority, older jobs start first
     * @default normal
     * @enum {string}
     */
    JobPriority: 'high' | 'normal' | 'low';
    /**
     * @example {
     *       "phase": "gram",
     *       "done": 120,
     *       "total": 224,
     *       "module": "model.layers.17.mlp.up_proj",
     *       "attempt": 1
     *     }
     */
    JobProgress: {
      /** @description The attempt to which the event belongs */
      attempt: number;
      /** @description Modules finished in this phase; for an import or a delivery, bytes */
      done: number;
      /** @description The module that was finished last */
      module: string | null;
      /** @enum {string} */
      phase: 'waiting' | 'import' | 'load' | 'gram' | 'core' | 'project' | 'write' | 'deliver' | 'done';
      /** @description Modules of the adapter; for an import or a delivery, bytes, or 0 while unknown */
      total: number;
    };
    /**
     * @example {
     *       "kind": "squeeze",
     *       "adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *       "targets": [
     *         {
     *           "rank": 16
     *         }
     *       ]
     *     }
     * @example {
     *       "kind": "analyze",
     *       "adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877"
     *     }
     * @example {
     *       "kind": "merge",
     *       "sources": [
     *         {
     *           "adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *           "weight": 0.7
     *         },
     *         {
     *           "adapter_id": "ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0",
     *           "weight": 0.3
     *         }
     *       ],
     *       "targets": [
     *         {
     *           "rank": 16,
     *           "profile": "vllm"
     *         }
     *       ]
     *     }
     * @example {
     *       "kind": "squeeze",
     *       "adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *       "targets": [
     *         {
     *           "format": "gguf",
     *           "format_options": {
     *             "architecture": "llama",
     *             "heads": 32,
     *             "kv_heads": 32
     *           },
     *           "strip": [
     *             "heads"
     *           ]
     *         }
     *       ]
     *     }
     * @example {
     *       "kind": "squeeze",
     *       "source": {
     *         "kind": "hub",
     *         "repo": "team/adapter-r64",
     *         "token": "hf_0123456789"
     *       },
     *       "targets": [
     *         {
     *           "rank": 16,
     *           "profile": "vllm"
     *         }
     *       ],
     *       "deliver": [
     *         {
     *           "target": 0,
     *           "to": {
     *             "kind": "hub",
     *             "repo": "team/adapter-r16",
     *             "token": "hf_0123456789",
     *             "create": true
     *           }
     *         }
     *       ],
     *       "results": {
     *         "labels": {
     *           "team": "search",
     *           "stage": "trial"
     *         },
     *         "ttl_seconds": 2592000
     *       },
     *       "labels": {
     *         "team": "search"
     *       },
     *       "priority": "high",
     *       "ttl_seconds": 604800
     *     }
     * @example {
     *       "kind": "import",
     *       "source": {
     *         "kind": "url",
     *         "files": {
     *           "adapter_model.safetensors": {
     *             "url": "https://models.example.com/adapter_model.safetensors?signature=0123",
     *             "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877"
     *           },
     *           "adapter_config.json": {
     *             "url": "https://models.example.com/adapter_config.json?signature=4567"
     *           }
     *         }
     *       },
     *       "results": {
     *         "name": "search-v3"
     *       }
     *     }
     * @example {
     *       "kind": "export",
     *       "adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *       "to": {
     *         "kind": "s3",
     *         "bucket": "adapters",
     *         "prefix": "served/search",
     *         "region": "eu-west-1",
     *         "credentials": {
     *           "access_key_id": "AKIAEXAMPLE",
     *           "secret_access_key": "secret"
     *         }
     *       }
     *     }
     */
    JobRequest:
      | components['schemas']['SqueezeJobRequest']
      | components['schemas']['AnalyzeJobRequest']
      | components['schemas']['MergeJobRequest']
      | components['schemas']['ImportJobRequest']
      | components['schemas']['ExportJobRequest'];
    /** @description The outcome of a target; its form depends on `state` */
    JobResult: components['schemas']['SucceededResult'] | components['schemas']['FailedResult'];
    /**
     * @description succeeded: all targets succeeded. partial: some targets succeeded and some failed, see `results`. failed: no target succeeded, or the job failed as a whole
     * @enum {string}
     */
    JobState: 'queued' | 'active' | 'succeeded' | 'partial' | 'failed' | 'cancelled';
    JobStateEvent: {
      data: {
        job: components['schemas']['EventJob'];
        /** @description Fields that are left out */
        omitted?: string[];
      };
      /** Format: date-time */
      timestamp: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      type: 'job.queued' | 'job.started' | 'job.succeeded' | 'job.partial' | 'job.failed' | 'job.cancelled';
    };
    /**
     * @example {
     *       "id": "key_5f0c2a9b7e31",
     *       "tenant": "team-a",
     *       "name": "nightly squeezes",
     *       "scopes": [
     *         "read",
     *         "write"
     *       ],
     *       "max_priority": "normal",
     *       "created_at": "2026-11-24T21:50:10.000Z",
     *       "expires_at": "2027-02-22T21:50:10.000Z",
     *       "revoked_at": null,
     *       "last_used_at": "2026-11-25T03:00:00.000Z"
     *     }
     */
    Key: {
      /** Format: date-time */
      created_at: string;
      /** Format: date-time */
      expires_at: string | null;
      /**
       * @description The public part of the key
       * @example key_5f0c2a9b7e31
       */
      id: string;
      /**
       * Format: date-time
       * @description When the key was last used, rounded to the hour; null if no use has been recorded
       */
      last_used_at: string | null;
      max_priority?: components['schemas']['JobPriority'];
      /** @description What the key is used for */
      name: string;
      /** Format: date-time */
      revoked_at: string | null;
      /** @description `read`: read and download; `write`: upload, submit, change, delete; `tenant_admin`: manage keys of its own tenant; `admin`: manage tenants, workers and keys of all tenants, and call for another tenant with `tenant=` */
      scopes: ('read' | 'write' | 'tenant_admin' | 'admin')[];
      /**
       * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
       * @example team-a
       */
      tenant: string;
    };
    /**
     * @example {
     *       "data": [
     *         {
     *           "id": "key_5f0c2a9b7e31",
     *           "tenant": "team-a",
     *           "name": "nightly squeezes",
     *           "scopes": [
     *             "read",
     *             "write"
     *           ],
     *           "max_priority": "normal",
     *           "created_at": "2026-11-24T21:50:10.000Z",
     *           "expires_at": "2027-02-22T21:50:10.000Z",
     *           "revoked_at": null,
     *           "last_used_at": "2026-11-25T03:00:00.000Z"
     *         }
     *       ],
     *       "next_cursor": null
     *     }
     */
    KeyList: {
      data: components['schemas']['Key'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    /**
     * @example {
     *       "tenant": "team-a",
     *       "name": "nightly squeezes",
     *       "scopes": [
     *         "read",
     *         "write"
     *       ],
     *       "max_priority": "normal",
     *       "expires_in_seconds": 7776000
     *     }
     */
    KeyRequest: {
      /** @description Seconds until the key expires; absent: it does not expire */
      expires_in_seconds?: number;
      max_priority?: components['schemas']['JobPriority'];
      /**
       * @description The name; it cannot contain control characters
       * @default
       */
      name?: string;
      /**
       * @description `read`: read and download; `write`: upload, submit, change, delete; `tenant_admin`: manage keys of its own tenant; `admin`: manage tenants, workers and keys of all tenants, and call for another tenant with `tenant=`
       * @default [
       *       "read",
       *       "write"
       *     ]
       */
      scopes?: ('read' | 'write' | 'tenant_admin' | 'admin')[];
      /**
       * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
       * @example team-a
       */
      tenant?: string;
    };
    /**
     * @example {
     *       "key": "5f0c2a9b",
     *       "reencrypted": 42,
     *       "next": null,
     *       "droppable_keys": [
     *         "0b7e3191"
     *       ],
     *       "unreadable": []
     *     }
     */
    KeyRotation: {
      /** @description The other keys of `SECRETS_KEYS`, which can be removed because no secret is encrypted with them any longer; empty unless `next` is null */
      droppable_keys: string[];
      /**
       * @description The key with which secrets are encrypted now: the first of `SECRETS_KEYS`
       * @example 5f0c2a9b
       */
      key: string;
      /** @description Where to continue if time ran out: repeat the request with this value as `after`. null: all secrets have been read */
      next: string | null;
      /** @description Number of records whose secrets were encrypted again with `key` */
      reencrypted: number;
      /** @description Number of secrets that none of the keys decrypts, by the key with which they were encrypted; they are left unchanged */
      unreadable: {
        /**
         * @description Identifies a key without revealing it
         * @example 5f0c2a9b
         */
        key: string;
        secrets: number;
      }[];
    };
    /**
     * @description Up to 16 labels, each a name and a value, by which records can be found: a name has up to 128 ASCII letters, digits, dots, slashes, hyphens and underscores, and begins and ends with a letter or digit; names are case-sensitive. A value has up to 128 characters.
     * @example {
     *       "team": "search",
     *       "env": "prod"
     *     }
     * @example {
     *       "mlflow.runId": "8f3c",
     *       "app.kubernetes.io/name": "chat"
     *     }
     */
    Labels: {
      [key: string]: string;
    };
    LearningRateRequest: {
      /**
       * @description recommended: the trainer follows the plan, which warms up after each squeeze and decays in the last stage only. The others are schedules of the trainer over all steps; `notes` reports if one of them gives the last stage too small a share of the training.
       * @default recommended
       * @enum {string}
       */
      schedule?: 'recommended' | 'constant' | 'linear' | 'cosine';
      /** @description Steps at the beginning over which the learning rate rises. Default: 3 % of all steps */
      warm_up_steps?: number;
    };
    /** @description The limits that apply: those of the tenant, or the defaults of the service; null: no limit */
    Limits: {
      max_priority: components['schemas']['JobPriority'];
      max_queued: number | null;
      max_running: number | null;
      requests_per_minute: number | null;
      stored_bytes: number | null;
      weight: number;
    };
    Liveness: {
      /** @enum {string} */
      status: 'alive';
      version: string;
    };
    /** @description Adds adapters of one base model with weights, and squeezes the sum */
    MergeJobRequest: {
      /** @description Where to deliver the results, as a part of the job. One sink is for all targets: the files of a single target are delivered to it directly; if there are several, each gets a folder there, such as `r16`. A list names a sink for each target. */
      deliver?: components['schemas']['DeliverRequest'][] | components['schemas']['Destination'] | string;
      dry_run?: components['schemas']['DryRun'];
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'merge';
      labels?: components['schemas']['Labels'];
      name?: components['schemas']['RecordName'];
      options?: components['schemas']['SqueezeOptions'];
      priority?: components['schemas']['JobPriority'];
      results?: components['schemas']['ResultSettings'];
      /**
       * @description Whether equal requests, in progress or done, may share the work. The job has its own results, labels, priority and time to live in any case. `false` repeats the work.
       * @default true
       */
      reuse?: boolean;
      sources: components['schemas']['MergeSource'][];
      targets: components['schemas']['Target'][];
      ttl_seconds?: components['schemas']['TtlSeconds'];
      webhook?: components['schemas']['RequestWebhook'];
    };
    MergeSource: {
      adapter_id: string;
      /** @default 1 */
      weight?: number;
    };
    ModuleAnalysis: {
      /** @description exp of the entropy of σ/Σσ (Roy & Vetterli 2007): the number of directions that the module really uses */
      effective_rank: number;
      /** @description The rank where the spectrum bends */
      knee: number;
      name: string;
      /** @description Σσ² / σ₁² */
      stable_rank: number;
      /**
       * @description dead: the update is zero or almost zero. resists: no rank much below that of the module keeps its energy. compressible: all others
       * @enum {string}
       */
      verdict: 'compressible' | 'resists' | 'dead';
    };
    ModuleError: {
      name: string;
      relative_error: number;
    };
    ModuleResult: {
      energy_retained: number;
      /** @description relative_error is at most 1 + excess_bound times the smallest possible error of a matrix of this rank; null: the error is due to rounding alone */
      excess_bound?: number | null;
      name: string;
      /** @description The smallest possible error of a matrix of this rank; null if the spectrum is not known in full */
      optimal_error: number | null;
      /** @description The module already had this rank or less and was not changed */
      passthrough: boolean;
      /** @description The chosen rank */
      rank: number;
      /** @description ‖ΔW − ΔW′‖_F / ‖ΔW‖_F of the written factors, after rounding */
      relative_error: number;
    };
    ModuleSpectrum: {
      /** @description ‖ΔW‖_F² */
      energy: number;
      /** @description Share of the energy kept at rank 1, 2, … */
      energy_curve: number[];
      kind: string;
      name: string;
      /** @description Number of power iterations that were done; 0 with the exact method */
      power_iterations: number;
      /** @description Rank of the source */
      rank: number;
      scale: number;
      /** @description [m, n] of ΔW */
      shape: number[];
      /** @description Descending; all of them with the exact method, otherwise those of the sketch */
      singular_values: number[];
    };
    /**
     * @example {
     *       "id": "key_5f0c2a9b7e31",
     *       "tenant": "team-a",
     *       "name": "nightly squeezes",
     *       "scopes": [
     *         "read",
     *         "write"
     *       ],
     *       "max_priority": "normal",
     *       "created_at": "2026-11-24T21:50:10.000Z",
     *       "expires_at": "2027-02-22T21:50:10.000Z",
     *       "revoked_at": null,
     *       "last_used_at": "2026-11-25T03:00:00.000Z",
     *       "key": "lsq_5f0c2a9b7e31_0123456789abcdef0123456789abcdef0123456789abcdef4f9a1c0e"
     *     }
     */
    NewKey: {
      /** Format: date-time */
      created_at: string;
      /** Format: date-time */
      expires_at: string | null;
      /**
       * @description The public part of the key
       * @example key_5f0c2a9b7e31
       */
      id: string;
      /** @description The key. It is shown only once. */
      key: string;
      /**
       * Format: date-time
       * @description When the key was last used, rounded to the hour; null if no use has been recorded
       */
      last_used_at: string | null;
      max_priority?: components['schemas']['JobPriority'];
      /** @description What the key is used for */
      name: string;
      /** Format: date-time */
      revoked_at: string | null;
      /** @description `read`: read and download; `write`: upload, submit, change, delete; `tenant_admin`: manage keys of its own tenant; `admin`: manage tenants, workers and keys of all tenants, and call for another tenant with `tenant=` */
      scopes: ('read' | 'write' | 'tenant_admin' | 'admin')[];
      /**
       * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
       * @example team-a
       */
      tenant: string;
    };
    /**
     * @description A new webhook with its secret, which is shown only this once
     * @example {
     *       "id": "wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "url": "https://ml.example.com/hooks/lora-squeeze",
     *       "events": [
     *         "job.succeeded",
     *         "job.failed"
     *       ],
     *       "labels": {
     *         "team": "search"
     *       },
     *       "description": "Rolls out what was squeezed",
     *       "enabled": true,
     *       "disabled_reason": null,
     *       "created_at": "2026-11-24T21:40:00.000Z",
     *       "secret": "whsec_bG9yYS1zcXVlZXplLWV4YW1wbGUtc2VjcmV0LW5vdC1yZWFs"
     *     }
     */
    NewWebhook: {
      /** Format: date-time */
      created_at: string;
      /** @description A description */
      description: string;
      /** @description Why the service stopped sending, which it does if the receiver answers 410; null otherwise */
      disabled_reason: string | null;
      /** @description Whether events are sent */
      enabled: boolean;
      /** @description Which events are sent. `job.queued`: a job was accepted, or waits for another attempt. `job.started`: an attempt started. All others report that a job or batch has ended */
      events: (
        | 'job.queued'
        | 'job.started'
        | 'job.succeeded'
        | 'job.partial'
        | 'job.failed'
        | 'job.cancelled'
        | 'batch.ended'
      )[];
      /**
       * @description Id of a webhook
       * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
       */
      id: string;
      /**
       * @description Only events of records with all of these labels are sent; {}: all events
       * @example {
       *       "team": "search",
       *       "env": "prod"
       *     }
       * @example {
       *       "mlflow.runId": "8f3c",
       *       "app.kubernetes.io/name": "chat"
       *     }
       */
      labels: {
        [key: string]: string;
      };
      /** @description Signs every request: `whsec_` and 24 to 64 random bytes in base64 */
      secret: string;
      /**
       * @description URL to which events are sent by POST: https on port 443 of a public server, or a host that the operator allows. For a webhook of a job, batch or run, only the host is shown.
       * @example https://ml.example.com/hooks/lora-squeeze
       */
      url: string;
    };
    /**
     * @example {
     *       "type": "urn:lora-squeeze:problem:VALIDATION_FAILED",
     *       "title": "The request does not fit its schema",
     *       "status": 400,
     *       "detail": "targets[0].rank is 0 but must be at least 1.",
     *       "code": "VALIDATION_FAILED",
     *       "retryable": false,
     *       "instance": "urn:lora-squeeze:request:c9d3a0d4-3a53-4f0c-9a37-3c1d5e0f8b21",
     *       "errors": [
     *         {
     *           "pointer": "/targets/0/rank",
     *           "detail": "targets[0].rank is 0 but must be at least 1"
     *         }
     *       ]
     *     }
     */
    Problem: {
      /**
       * @description Stable and machine-readable
       * @example BAD_REQUEST
       * @example VALIDATION_FAILED
       * @example UNKNOWN_OPTION
       */
      code: string;
      /** @description The values that `detail` mentions, for programs */
      context?: {
        [key: string]: unknown;
      };
      /** @description What happened in this case, with file, tensor, value and limit */
      detail: string;
      /** @description Every violation of the schema, with its place in the request */
      errors?: {
        detail: string;
        /** @description If the body consists of lines: the number of the line */
        line?: number;
        /** @description JSON pointer into the request, or into the line */
        pointer: string;
      }[];
      /** @description `urn:lora-squeeze:request:` and the request id, as in the log */
      instance: string;
      /** @description Whether the same request, unchanged, may succeed later */
      retryable: boolean;
      status: number;
      /** @description The kind of problem, the same for every occurrence */
      title: string;
      /** @description `urn:lora-squeeze:problem:` and the code */
      type: string;
    };
    /** @description A server that loads adapters, with its rules */
    Profile: {
      /** @description The ranks that work; null: all */
      allowed_ranks: {
        /** @description Ascending */
        ranks: number[];
        /** @description What happens to other ranks */
        reason: string;
      } | null;
      /** @description dtypes of the factors */
      dtypes: ('float32' | 'float16' | 'bfloat16')[];
      /** @description File names that the server expects; empty: any */
      files: string[];
      /** @description Formats that the server loads */
      formats: components['schemas']['FormatName'][];
      /** @description Features of adapters that the server does not support */
      lacks: {
        detail: string;
        /**
         * @description refused: the adapter does not load; ignored: it loads, but its outputs are different
         * @enum {string}
         */
        effect: 'refused' | 'ignored';
        /** @enum {string} */
        feature: 'dora' | 'modules-to-save' | 'bias' | 'lora-bias';
      }[];
      /** @description The value of the setting is the `max_rank` of a target */
      max_rank: {
        /** @description The largest rank with default settings; null: no limit */
        default: number | null;
        /** @description The largest rank that can be set; null: no limit */
        largest: number | null;
        /** @description Name of the setting; null: there is none */
        setting: string | null;
        /** @description Values that the setting accepts; null: any */
        steps: number[] | null;
      };
      min_rank: number;
      module_kinds: ('linear' | 'conv' | 'embedding')[];
      /**
       * @description The name of the profile in targets
       * @example vllm
       */
      name: string;
      notes: string[];
      /**
       * @description What happens to a rank_pattern or alpha_pattern that changes a value
       * @enum {string}
       */
      patterns: 'read' | 'ignored' | 'refused';
      /** @description Fields that adapter_config.json must have */
      required_config: {
        field: string;
        /** @description Accepted values; null: any value except null */
        values: string[] | null;
      }[];
      /**
       * @description Which modules must share a rank: none; those that differ only in the expert; all
       * @enum {string}
       */
      same_rank: 'none' | 'experts' | 'all';
      scale: {
        /**
         * @description How the scaling of a module is computed: module: from its own alpha and rank, as in PEFT; config: from lora_alpha and r for all; tensor-rank: from lora_alpha for all and the rank of the tensors; unstated: only a scaling of 1 is safe
         * @enum {string}
         */
        formula: 'module' | 'config' | 'tensor-rank' | 'unstated';
        /** @description Whether use_rslora is honoured; false: it is ignored */
        rslora: boolean;
      };
      sources: components['schemas']['ProfileSource'][];
      /** @description Last parts of supported module paths; null: no rule is known */
      target_modules: string[] | null;
      /**
       * @description peft: base_model.model.<path>.lora_A.weight; suffix: the same, but the prefix may be missing; any: no rule is known
       * @enum {string}
       */
      tensor_names: 'peft' | 'suffix' | 'any';
      title: string;
      /** @description The weights file must be smaller than this */
      weights_bytes_below: number | null;
    };
    ProfileSource: {
      url: string;
      /** @description Release, commit or date of the version that was read */
      version: string;
      /** @description What was read at `url` */
      what: string;
    };
    /** @description For a job that failed or was cancelled: its last known progress */
    Progress: {
      /** @description Modules finished in this phase; for an import or a delivery, bytes */
      done: number;
      /** @description The module that was finished last */
      module: string | null;
      /** @enum {string} */
      phase: 'waiting' | 'import' | 'load' | 'gram' | 'core' | 'project' | 'write' | 'deliver' | 'done';
      /** @description Modules of the adapter; for an import or a delivery, bytes, or 0 while unknown */
      total: number;
    };
    /**
     * @example {
     *       "type": "job.progress",
     *       "timestamp": "2026-11-24T21:50:12.100Z",
     *       "data": {
     *         "job_id": "job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *         "batch_id": null,
     *         "progress": {
     *           "phase": "gram",
     *           "done": 120,
     *           "total": 224,
     *           "module": "model.layers.17.mlp.up_proj",
     *           "attempt": 1
     *         }
     *       }
     *     }
     */
    ProgressEvent: {
      data: {
        batch_id: string | null;
        job_id: string;
        progress: components['schemas']['JobProgress'];
      };
      /**
       * Format: date-time
       * @description When the event was sent
       */
      timestamp: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      type: 'job.progress';
    };
    ProviderInfo: {
      /** @description Why the execution provider `auto` did not choose CUDA */
      fallback_reason: string | null;
      /** @enum {string} */
      name: 'cpu' | 'cuda';
      /** @description Version of ONNX Runtime */
      onnxruntime: string;
      /** @enum {string} */
      requested: 'auto' | 'cpu' | 'cuda';
      /** @description Number of compute threads */
      threads: number;
    };
    Quotas: {
      /** @description Largest number of unfinished jobs; requests for more are refused; null: no limit; absent: the default of the service */
      max_queued?: number | null;
      /** @description Largest number of jobs that run at the same time; others wait; null: no limit; absent: the default of the service */
      max_running?: number | null;
      /** @description Largest number of requests per minute, over all keys of the tenant; null: no limit; absent: the default of the service */
      requests_per_minute?: number | null;
      /** @description Largest total size of all adapters, each counted in full, in bytes; null: no limit; absent: the default of the service */
      stored_bytes?: number | null;
    };
    RankPoint: {
      /** @description Size of the factors in the dtypes of the source */
      bytes: number;
      /** @description Smallest possible mean module error, as in the results of a job; absent in older analyses */
      module_relative_error?: number;
      parameters: number;
      rank: number;
      /** @description Smallest possible error over all modules */
      relative_error: number;
      /** @description Smallest possible error of the worst module */
      worst_module_error: number;
    };
    /** @description Smallest and largest rank over the modules */
    RankRange: {
      max: number;
      min: number;
    };
    Readiness: {
      checks: {
        /**
         * @description Database of tenants, keys and all other records
         * @enum {unknown}
         */
        database: 'ok' | 'degraded';
        /**
         * @description The execution provider of a process that runs jobs
         * @enum {unknown}
         */
        provider?: 'ok' | 'degraded';
        /**
         * @description The Redis that holds the queue
         * @enum {unknown}
         */
        queue: 'ok' | 'degraded';
        /**
         * @description Whether stored secrets can be decrypted with `SECRETS_KEYS`
         * @enum {unknown}
         */
        secrets?: 'ok' | 'degraded';
        /**
         * @description Storage of adapters, jobs and reports
         * @enum {unknown}
         */
        storage: 'ok' | 'degraded';
      };
      /** @description All problems of the process; empty when it is `ready` */
      reasons: {
        /**
         * @description Stable and machine-readable: an error code, or `QUEUE_EVICTS` (Redis may drop queued jobs)
         * @example QUEUE_UNAVAILABLE
         * @example QUEUE_EVICTS
         */
        code: string;
        /** @description What is wrong, and how to correct it */
        detail: string;
        /** @enum {unknown} */
        part: 'storage' | 'database' | 'queue' | 'secrets' | 'provider';
      }[];
      /**
       * @description `ready`: everything works. `degraded`: the process answers requests, but something does not work or is at risk, which `reasons` names. A process that can serve nothing answers 503 instead.
       * @enum {unknown}
       */
      status: 'ready' | 'degraded';
    };
    Recommendation: {
      bytes: number;
      /** @description As in `curve`; compare those of `uniform` and `budget`, which have the same size */
      module_relative_error?: number;
      parameters: number;
      rank: {
        max: number;
        min: number;
      };
      reason: string;
      relative_error: number;
      target: components['schemas']['Target'];
    };
    /** @description Computes spectra, curves and recommendations, and writes no adapter */
    RecordedAnalyzeJobRequest: {
      adapter_id?: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'analyze';
      source?: components['schemas']['RecordedSource'];
    };
    RecordedDeliver: {
      /**
       * @description Other files to deliver: the report of the job as report.json, the card (if any) as README.md
       * @default [
       *       "card"
       *     ]
       */
      include?: ('report' | 'card')[];
      /**
       * @description Position of the target, from 0
       * @default 0
       */
      target: number;
      to: components['schemas']['RecordedSink'];
    };
    RecordedExportJobRequest: {
      adapter_id: string;
      /**
       * @description Other files to deliver: the report of the job as report.json, the card (if any) as README.md
       * @default [
       *       "card"
       *     ]
       */
      include?: ('report' | 'card')[];
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'export';
      to: components['schemas']['RecordedSink'];
    };
    RecordedHubSink: {
      commit_message?: string;
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      /**
       * @description Creates the repository, as a private one, if it does not exist
       * @default false
       */
      create?: boolean;
      /** @description The source or sink, encrypted; never sent to clients */
      encrypted?: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'hub';
      /** @description Folder in the repository; unset: its root */
      path_in_repo?: string;
      /** @description The location, without secrets */
      place: string;
      /** @example owner/adapter */
      repo: string;
      /**
       * @description Branch; it must exist
       * @default main
       */
      revision?: string;
    };
    RecordedHubSource: {
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      /** @description The source or sink, encrypted; never sent to clients */
      encrypted?: string;
      /**
       * @description Name of the weights file; unset: adapter_model.safetensors, pytorch_lora_weights.safetensors, adapters.safetensors, or else the only .safetensors or .gguf file
       * @example my-lora.safetensors
       */
      filename?: string;
      has_token: boolean;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'hub';
      /** @description The location, without secrets */
      place: string;
      /** @example owner/adapter */
      repo: string;
      /**
       * @description Branch, tag or commit
       * @default main
       */
      revision?: string;
      /** @description Folder in the repository; unset: its root */
      subfolder?: string;
    };
    RecordedImportJobRequest: {
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'import';
      results?: components['schemas']['ImportSettings'];
      source: components['schemas']['RecordedSource'];
    };
    RecordedJobRequest:
      | components['schemas']['RecordedSqueezeJobRequest']
      | components['schemas']['RecordedAnalyzeJobRequest']
      | components['schemas']['RecordedMergeJobRequest']
      | components['schemas']['CheckpointJobRequest']
      | components['schemas']['RecordedImportJobRequest']
      | components['schemas']['RecordedExportJobRequest'];
    /** @description Adds adapters of one base model with weights, and squeezes the sum */
    RecordedMergeJobRequest: {
      deliver?: components['schemas']['RecordedDeliver'][];
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'merge';
      options?: components['schemas']['SqueezeOptions'];
      results?: components['schemas']['ResultSettings'];
      sources: components['schemas']['MergeSource'][];
      targets: components['schemas']['Target'][];
    };
    RecordedS3Sink: {
      bucket?: string;
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      /** @description The source or sink, encrypted; never sent to clients */
      encrypted?: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 's3';
      /** @description The location, without secrets */
      place: string;
      /** @description Folder before the names of the files; a slash is inserted between them */
      prefix?: string;
    };
    RecordedS3Source: {
      bucket?: string;
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      /** @description The source or sink, encrypted; never sent to clients */
      encrypted?: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 's3';
      /** @description The location, without secrets */
      place: string;
      /** @description Folder before the names of the files; a slash is inserted between them */
      prefix?: string;
      /**
       * @description Name of the weights file; unset: adapter_model.safetensors, pytorch_lora_weights.safetensors, adapters.safetensors, or else the only .safetensors or .gguf file
       * @example my-lora.safetensors
       */
      weights?: string;
    };
    RecordedSink:
      | components['schemas']['RecordedUrlSink']
      | components['schemas']['RecordedS3Sink']
      | components['schemas']['RecordedHubSink'];
    RecordedSource:
      | components['schemas']['RecordedUrlSource']
      | components['schemas']['RecordedS3Source']
      | components['schemas']['RecordedHubSource'];
    /** @description Squeezes an adapter to smaller ranks */
    RecordedSqueezeJobRequest: {
      adapter_id?: string;
      deliver?: components['schemas']['RecordedDeliver'][];
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'squeeze';
      options?: components['schemas']['SqueezeOptions'];
      results?: components['schemas']['ResultSettings'];
      source?: components['schemas']['RecordedSource'];
      targets: components['schemas']['Target'][];
    };
    RecordedUrlSink: {
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      /** @description The source or sink, encrypted; never sent to clients */
      encrypted?: string;
      files?: {
        [key: string]: {
          /** @description SHA-256 of the content, hex */
          sha256?: string;
          /**
           * @description https, on port 443; other ports and http only for hosts that the operator allows. May be presigned.
           * @example https://models.example.com/adapter_model.safetensors?signature=4f9a1c0e
           */
          url: string;
        };
      };
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'url';
      /** @description The location, without secrets */
      place: string;
      /** @description The URL that was requested */
      url?: string;
    };
    RecordedUrlSource: {
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      /** @description The source or sink, encrypted; never sent to clients */
      encrypted?: string;
      files?: {
        [key: string]: {
          /** @description SHA-256 of the content, hex */
          sha256?: string;
          /**
           * @description https, on port 443; other ports and http only for hosts that the operator allows. May be presigned.
           * @example https://models.example.com/adapter_model.safetensors?signature=4f9a1c0e
           */
          url: string;
        };
      };
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'url';
      /** @description The location, without secrets */
      place: string;
      /** @description The URL that was requested */
      url?: string;
    };
    /**
     * @description Up to 200 characters without control characters. Names need not be unique.
     * @example support-chat-v3
     */
    RecordName: string;
    RefusedItem: {
      code: string;
      detail: string;
      /** @description Position in the request, from 0 */
      index: number;
      name: string;
    };
    Report: {
      /** @description For a job of kind analyze */
      analysis: components['schemas']['Analysis'] | null;
      /** Format: date-time */
      created_at: string;
      job_id: string;
      kind: components['schemas']['JobKind'];
      method: {
        oversampling: number;
        power_iterations: number | 'auto';
        requested: string;
        seed: number;
        /** @description The method that was used; `exact` also if `rsvd` would not have been faster */
        used: string;
      };
      modules: components['schemas']['ModuleSpectrum'][];
      /** @description Limits of the numbers */
      notes: string[];
      product: {
        name: string;
        version: string;
      };
      provider: components['schemas']['ProviderInfo'];
      /** @description The adapters that the job read; one except in a merge */
      sources: {
        base_model: string | null;
        bytes: number;
        id: string;
        /** @description As in the adapter */
        license?: string;
        sha256: string;
        /** @description 1 except in a merge */
        weight: number;
      }[];
      /** @description In the order of the request, failed targets included */
      targets: components['schemas']['TargetReport'][];
      timings: components['schemas']['Timings'];
    };
    /** @description A webhook for events of this job, or of this batch or run and its jobs. Its id is `webhook_id` of the job, batch or run, under which its deliveries are listed. Its URL and secret are stored encrypted; only the host of the URL is shown. Without `secret` the service creates one and does not show it; `rotate-secret` replaces it. */
    RequestWebhook: {
      /** @description Which events are sent. Default: for a job its end, for a batch `batch.ended`, for a run the ends of its jobs */
      events?: (
        | 'job.queued'
        | 'job.started'
        | 'job.succeeded'
        | 'job.partial'
        | 'job.failed'
        | 'job.cancelled'
        | 'batch.ended'
      )[];
      /** @description Signs every request: `whsec_` and 24 to 64 random bytes in base64 */
      secret?: string;
      /**
       * @description URL to which events are sent by POST: https on port 443 of a public server, or a host that the operator allows. For a webhook of a job, batch or run, only the host is shown.
       * @example https://ml.example.com/hooks/lora-squeeze
       */
      url: string;
    };
    ResultLink: {
      adapter_id: string;
      /** @description Path of the adapter */
      href: string;
    };
    /** @description Names, labels and times to live of results. A target, its job, and its batch or run may have them. Each field is taken from the level closest to the result; `labels` counts as one field, so the labels of a target replace all those of its job. */
    ResultSettings: {
      labels?: components['schemas']['Labels'];
      /**
       * @description `{source}`: the name of its source (for a sum `first+1`: the first name and the number of others); `{rank}`: its rank, or the smallest and the largest as `4-16`; `{target}`: the position of the target, from 0. Names longer than 200 characters are shortened, the name of the source first. Default: `{source}-r{rank}`.
       * @example support-chat-r{rank}
       */
      name?: string;
      ttl_seconds?: components['schemas']['TtlSeconds'];
    };
    /**
     * @description The new secret, which is shown only this once
     * @example {
     *       "secret": "whsec_bG9yYS1zcXVlZXplLWV4YW1wbGUtc2VjcmV0LW5vdC1yZWFs",
     *       "previous_secret_expires_at": "2026-11-25T22:40:00.000Z"
     *     }
     */
    RotatedSecret: {
      /**
       * Format: date-time
       * @description Until this time every request has a second signature, made with the previous secret
       */
      previous_secret_expires_at: string;
      /** @description Signs every request: `whsec_` and 24 to 64 random bytes in base64 */
      secret: string;
    };
    RuleVerdict: {
      /** @description What was found and what is allowed; if the rule failed, what to do */
      detail: string;
      passed: boolean;
      /** @description Stable name of the rule, e.g. "max-rank" */
      rule: string;
    };
    /**
     * @example {
     *       "id": "run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "name": "support bot",
     *       "base_model": "meta-llama/Llama-2-7b-hf",
     *       "mode": "scheduled",
     *       "request": {
     *         "name": "support bot",
     *         "schedule": {
     *           "source_rank": 64,
     *           "target_rank": 16,
     *           "total_steps": 3000
     *         }
     *       },
     *       "webhook_id": null,
     *       "schedule": {
     *         "source_rank": 64,
     *         "target_rank": 16,
     *         "total_steps": 3000,
     *         "mode": "in",
     *         "recipe": "recommended",
     *         "final_share": 0.5,
     *         "shape": "geometric",
     *         "stage_lengths": "equal",
     *         "learning_rate_schedule": "recommended",
     *         "warm_up_steps": 0,
     *         "final_steps": 0,
     *         "min_stage_steps": 200,
     *         "stages": [
     *           {
     *             "index": 0,
     *             "rank": 64,
     *             "begin_step": 0,
     *             "end_step": 750,
     *             "steps": 750,
     *             "learning_rate": {
     *               "factor": 1,
     *               "warm_up_steps": 90,
     *               "decay_steps": 0,
     *               "share": 0.25190649788714065
     *             },
     *             "parameters": null,
     *             "memory": null
     *           },
     *           {
     *             "index": 1,
     *             "rank": 32,
     *             "begin_step": 750,
     *             "end_step": 1500,
     *             "steps": 750,
     *             "learning_rate": {
     *               "factor": 1.2599210498948732,
     *               "warm_up_steps": 30,
     *               "decay_steps": 0,
     *               "share": 0.3308783573780683
     *             },
     *             "parameters": null,
     *             "memory": null
     *           },
     *           {
     *             "index": 2,
     *             "rank": 16,
     *             "begin_step": 1500,
     *             "end_step": 3000,
     *             "steps": 1500,
     *             "learning_rate": {
     *               "factor": 1.5874010519681996,
     *               "warm_up_steps": 30,
     *               "decay_steps": 1500,
     *               "share": 0.41721514473479104
     *             },
     *             "parameters": null,
     *             "memory": null
     *           }
     *         ],
     *         "squeezes": [
     *           {
     *             "step": 750,
     *             "from_rank": 64,
     *             "to_rank": 32
     *           },
     *           {
     *             "step": 1500,
     *             "from_rank": 32,
     *             "to_rank": 16
     *           }
     *         ],
     *         "mean_rank": 32,
     *         "relative_cost": 0.5,
     *         "notes": []
     *       },
     *       "rank": {
     *         "min": 32,
     *         "max": 32
     *       },
     *       "step": 750,
     *       "at_target": false,
     *       "learning_rate": {
     *         "factor": 1.2599210498948732,
     *         "warm_up_steps": 30,
     *         "decay_steps": 0,
     *         "share": 0.3308783573780683,
     *         "begin_step": 750,
     *         "end_step": 1500
     *       },
     *       "next_checkpoint_step": 1500,
     *       "notes": [],
     *       "checkpoints": [
     *         {
     *           "run_id": "run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *           "step": 750,
     *           "decision": "squeeze",
     *           "reason": "Stage 2 of 3 (rank 32) began at step 750.",
     *           "state": "succeeded",
     *           "late_by_steps": 0,
     *           "rank_before": {
     *             "min": 64,
     *             "max": 64
     *           },
     *           "rank_after": {
     *             "min": 32,
     *             "max": 32
     *           },
     *           "source_adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *           "adapter_id": "ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0",
     *           "relative_error": 0.0412,
     *           "energy_retained": 0.9983,
     *           "loss": 1.284,
     *           "learning_rate": {
     *             "factor": 1.2599210498948732,
     *             "warm_up_steps": 30,
     *             "decay_steps": 0,
     *             "share": 0.3308783573780683,
     *             "begin_step": 750,
     *             "end_step": 1500
     *           },
     *           "training": {
     *             "learning_rate_factor": 1.02,
     *             "revived_directions": 0,
     *             "optimizer": "carried"
     *           },
     *           "files": [
     *             {
     *               "name": "adapter_model.safetensors",
     *               "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *               "bytes": 79984200,
     *               "href": "/v1/adapters/ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0/files/adapter_model.safetensors"
     *             },
     *             {
     *               "name": "adapter_config.json",
     *               "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *               "bytes": 724,
     *               "href": "/v1/adapters/ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0/files/adapter_config.json"
     *             },
     *             {
     *               "name": "projections.safetensors",
     *               "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *               "bytes": 3680112,
     *               "href": "/v1/jobs/job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d/artifacts/projections.safetensors"
     *             },
     *             {
     *               "name": "optimizer.safetensors",
     *               "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *               "bytes": 319930824,
     *               "href": "/v1/jobs/job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d/artifacts/optimizer.safetensors"
     *             }
     *           ],
     *           "job_id": "job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *           "superseded": false,
     *           "next_checkpoint_step": 1500,
     *           "error": null,
     *           "created_at": "2026-11-24T21:51:00.000Z"
     *         }
     *       ],
     *       "created_at": "2026-11-24T21:50:00.000Z"
     *     }
     */
    Run: {
      /** @description Whether the target rank is reached, so that no squeezes follow */
      at_target: boolean;
      base_model: string | null;
      /** @description In the order of acceptance, including superseded and failed ones */
      checkpoints: components['schemas']['Checkpoint'][];
      /** Format: date-time */
      created_at: string;
      id: string;
      learning_rate: components['schemas']['RunLearningRate'];
      /** @enum {string} */
      mode: 'scheduled' | 'adaptive';
      name: components['schemas']['RecordName'] | null;
      next_checkpoint_step: number | null;
      /** @description A note if the last stage gets too small a share of the training, in the current state of the run and with the learning rate schedule of the request */
      notes: string[];
      rank: components['schemas']['RankRange'];
      request: components['schemas']['RunRequest'];
      /** @description null for adaptive runs */
      schedule: components['schemas']['Schedule'] | null;
      /** @description Step of the newest checkpoint */
      step: number | null;
      /** @description The webhook that was requested with it; see `GET /v1/webhooks/{id}/deliveries` */
      webhook_id: string | null;
    };
    /** @description The curve to follow from here. After s steps, the rate of the next step is the peak · factor · min(1, (s − begin_step + 1) / warm_up_steps) · min(1, (end_step − s) / decay_steps), where a term with 0 steps is 1 */
    RunLearningRate: {
      /** @description Optimizer steps done when the stage began */
      begin_step: number;
      /** @description Steps at the end of the stage, in which the rate falls to zero */
      decay_steps: number;
      /** @description Optimizer steps done when the stage ends; in an adaptive run, at the latest */
      end_step: number;
      /** @description Factor of the peak: the cube root of source_rank / current rank; if modules have ranks of their own, the current rank is their mean, weighted by the sizes of the modules */
      factor: number;
      /** @description Share of the stage in Σ(learning rate × steps) of the training */
      share: number;
      /** @description Steps at the beginning of the stage, in which the rate rises */
      warm_up_steps: number;
    };
    /**
     * @example {
     *       "data": [
     *         {
     *           "id": "run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *           "name": "support bot",
     *           "base_model": "meta-llama/Llama-2-7b-hf",
     *           "mode": "scheduled",
     *           "step": 750,
     *           "total_steps": 3000,
     *           "checkpoints": 1,
     *           "created_at": "2026-11-24T21:50:00.000Z"
     *         }
     *       ],
     *       "next_cursor": null
     *     }
     */
    RunList: {
      data: components['schemas']['RunSummary'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    /**
     * @example {
     *       "name": "support-chat, second try"
     *     }
     */
    RunPatch: {
      /** @description null: the record has no name any longer */
      name: components['schemas']['RecordName'] | null;
    };
    /**
     * @example {
     *       "name": "support bot",
     *       "schedule": {
     *         "source_rank": 64,
     *         "target_rank": 16,
     *         "total_steps": 3000
     *       }
     *     }
     * @example {
     *       "adaptive": {
     *         "source_rank": 64,
     *         "target_rank": 16,
     *         "total_steps": 3000,
     *         "energy": 0.99
     *       },
     *       "optimizer": "reset"
     *     }
     */
    RunRequest: {
      adaptive?: components['schemas']['AdaptiveRequest'];
      /**
       * @description What each squeeze does with the scaling s = lora_alpha/r. keep: s stays, and lora_alpha follows the rank. sqrt: s grows by √(r/k), as if s were α/√r. ΔW is the same in both cases.
       * @default keep
       * @enum {string}
       */
      alpha?: 'keep' | 'sqrt';
      /** @description The base model; checkpoints that name another one are refused */
      base_model?: string;
      dry_run?: components['schemas']['DryRun'];
      name?: components['schemas']['RecordName'];
      /**
       * @description carry: moments that are sent with a checkpoint are returned in the new basis. reset: they are returned as zeros.
       * @default carry
       * @enum {string}
       */
      optimizer?: 'carry' | 'reset';
      /** @description Options as for any job, except that the default method is exact */
      options?: {
        /**
         * @description rsvd: randomised SVD. exact: truncated SVD to rounding error.
         * @default rsvd
         * @enum {string}
         */
        method?: 'rsvd' | 'exact';
        /**
         * @description Columns of the sketch beyond the rank
         * @default 10
         */
        oversampling?: number;
        /**
         * @description Number of power iterations, or "auto": until the captured energy settles
         * @default auto
         */
        power_iterations?: number | 'auto';
        /**
         * @description Seed of the sketch
         * @default 0
         */
        seed?: number;
      };
      /**
       * @description For runs with a schedule. uniform: each squeeze gives all modules the rank of the stage. by_module: each module gets a rank of its own, and together they have at most the parameters that they would have at that rank, shared out as for budget_parameters.
       * @default uniform
       * @enum {string}
       */
      rank_allocation?: 'uniform' | 'by_module';
      results?: components['schemas']['ResultSettings'];
      /**
       * @description Whether directions of length zero get B = 0 and a random A, so that they can be trained; if both factors were zero, no gradient could change them
       * @default true
       */
      revive?: boolean;
      schedule?: components['schemas']['ScheduleRequest'];
      webhook?: components['schemas']['RequestWebhook'];
    };
    RunSummary: {
      base_model: string | null;
      /** @description Number of accepted checkpoints, including superseded ones */
      checkpoints: number;
      /** Format: date-time */
      created_at: string;
      id: string;
      /** @enum {string} */
      mode: 'scheduled' | 'adaptive';
      name: string | null;
      /** @description Step of the newest checkpoint */
      step: number | null;
      total_steps: number;
    };
    /** @description Buckets of S3 or of a compatible store; needs either `credentials` or `ambient` */
    S3ConnectionRequest: {
      /**
       * @description Hosts that this connection may reach although they are not public. Requires the scope `admin`
       * @default []
       * @example [
       *       "minio.internal:9000"
       *     ]
       */
      allowed_hosts?: string[];
      /**
       * @description Whether the service uses its own identity: for s3, the credentials that the AWS SDK finds (environment, instance or pod role); for hub, HF_TOKEN. Requires the scope `admin`
       * @default false
       */
      ambient?: boolean;
      credentials?: components['schemas']['S3Credentials'];
      /**
       * @description What the connection is for
       * @default
       */
      description?: string;
      /** @description s3: URL of a store other than AWS. hub: URL of a mirror. Default: AWS, or the Hub of the service */
      endpoint?: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 's3';
      /**
       * @description Name of a connection: lower-case letters, digits and hyphens, no hyphen at either end
       * @example models
       */
      name: string;
      /** @description s3 only: whether the bucket is part of the path of URLs instead of the host name. Default: true if there is an endpoint */
      path_style?: boolean;
      /**
       * @description What the connection covers: `s3://bucket` or `s3://bucket/folder`; `hf://owner`, `hf://owner/repo` or a folder of a repository; `https://host` or `https://host/folder`. Each covers everything below it: `s3://models/in` covers `s3://models/in/x` but not `s3://models/index`
       * @example [
       *       "s3://models/in",
       *       "s3://models/out"
       *     ]
       */
      prefixes: string[];
      /** @description s3 only: the region of the buckets. Default: us-east-1 */
      region?: string;
    };
    /** @description Never shown again */
    S3Credentials: {
      access_key_id: string;
      secret_access_key: string;
      session_token?: string;
    };
    /** @description A folder in a bucket; existing files of the same names are replaced. Without `credentials` a connection is used */
    S3Sink: {
      bucket: string;
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      credentials?: components['schemas']['S3Credentials'];
      /** @description URL of a store other than AWS; the bucket is then part of the path */
      endpoint?: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 's3';
      /** @description Folder before the names of the files; a slash is inserted between them */
      prefix: string;
      /** @default us-east-1 */
      region?: string;
    };
    /** @description A folder in a bucket. Without `credentials` a connection is used */
    S3Source: {
      bucket: string;
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      credentials?: components['schemas']['S3Credentials'];
      /** @description URL of a store other than AWS; the bucket is then part of the path */
      endpoint?: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 's3';
      /** @description Folder before the names of the files; a slash is inserted between them */
      prefix: string;
      /** @default us-east-1 */
      region?: string;
      /**
       * @description Name of the weights file; unset: adapter_model.safetensors, pytorch_lora_weights.safetensors, adapters.safetensors, or else the only .safetensors or .gguf file
       * @example my-lora.safetensors
       */
      weights?: string;
    };
    /**
     * @example {
     *       "source_rank": 64,
     *       "target_rank": 4,
     *       "total_steps": 4000,
     *       "mode": "in",
     *       "recipe": "recommended",
     *       "final_share": 0.5,
     *       "shape": "geometric",
     *       "stage_lengths": "equal",
     *       "learning_rate_schedule": "recommended",
     *       "warm_up_steps": 1000,
     *       "final_steps": 0,
     *       "min_stage_steps": 200,
     *       "stages": [
     *         {
     *           "index": 0,
     *           "rank": 64,
     *           "begin_step": 0,
     *           "end_step": 1000,
     *           "steps": 1000,
     *           "learning_rate": {
     *             "factor": 1,
     *             "warm_up_steps": 120,
     *             "decay_steps": 0,
     *             "share": 0.18922144624924842
     *           },
     *           "parameters": 159907840,
     *           "memory": {
     *             "weights_bytes": 319815680,
     *             "gradients_bytes": 319815680,
     *             "optimizer_bytes": 1279262720,
     *             "total_bytes": 1918894080
     *           }
     *         },
     *         {
     *           "index": 1,
     *           "rank": 32,
     *           "begin_step": 1000,
     *           "end_step": 1334,
     *           "steps": 334,
     *           "learning_rate": {
     *             "factor": 1.2599210498948732,
     *             "warm_up_steps": 30,
     *             "decay_steps": 0,
     *             "share": 0.08098894693152887
     *           },
     *           "parameters": 79953920,
     *           "memory": {
     *             "weights_bytes": 159907840,
     *             "gradients_bytes": 159907840,
     *             "optimizer_bytes": 639631360,
     *             "total_bytes": 959447040
     *           }
     *         },
     *         {
     *           "index": 2,
     *           "rank": 16,
     *           "begin_step": 1334,
     *           "end_step": 1667,
     *           "steps": 333,
     *           "learning_rate": {
     *             "factor": 1.5874010519681996,
     *             "warm_up_steps": 30,
     *             "decay_steps": 0,
     *             "share": 0.10172030603048787
     *           },
     *           "parameters": 39976960,
     *           "memory": {
     *             "weights_bytes": 79953920,
     *             "gradients_bytes": 79953920,
     *             "optimizer_bytes": 319815680,
     *             "total_bytes": 479723520
     *           }
     *         },
     *         {
     *           "index": 3,
     *           "rank": 8,
     *           "begin_step": 1667,
     *           "end_step": 2000,
     *           "steps": 333,
     *           "learning_rate": {
     *             "factor": 2,
     *             "warm_up_steps": 30,
     *             "decay_steps": 0,
     *             "share": 0.12815955476956006
     *           },
     *           "parameters": 19988480,
     *           "memory": {
     *             "weights_bytes": 39976960,
     *             "gradients_bytes": 39976960,
     *             "optimizer_bytes": 159907840,
     *             "total_bytes": 239861760
     *           }
     *         },
     *         {
     *           "index": 4,
     *           "rank": 4,
     *           "begin_step": 2000,
     *           "end_step": 4000,
     *           "steps": 2000,
     *           "learning_rate": {
     *             "factor": 2.5198420997897464,
     *             "warm_up_steps": 30,
     *             "decay_steps": 2000,
     *             "share": 0.49990974601917476
     *           },
     *           "parameters": 9994240,
     *           "memory": {
     *             "weights_bytes": 19988480,
     *             "gradients_bytes": 19988480,
     *             "optimizer_bytes": 79953920,
     *             "total_bytes": 119930880
     *           }
     *         }
     *       ],
     *       "squeezes": [
     *         {
     *           "step": 1000,
     *           "from_rank": 64,
     *           "to_rank": 32
     *         },
     *         {
     *           "step": 1334,
     *           "from_rank": 32,
     *           "to_rank": 16
     *         },
     *         {
     *           "step": 1667,
     *           "from_rank": 16,
     *           "to_rank": 8
     *         },
     *         {
     *           "step": 2000,
     *           "from_rank": 8,
     *           "to_rank": 4
     *         }
     *       ],
     *       "mean_rank": 22.67,
     *       "relative_cost": 0.35421875,
     *       "notes": []
     *     }
     */
    Schedule: {
      /** @description null for the recipe equal, and if the request has squeeze_steps */
      final_share: number | null;
      /** @description null if squeeze_steps replaces it */
      final_steps: number | null;
      learning_rate_schedule: string;
      /** @description Average of the rank over the steps */
      mean_rank: number;
      /** @description null if squeeze_steps replaces it */
      min_stage_steps: number | null;
      mode: string;
      /** @description Where the schedule differs from the request, and why */
      notes: string[];
      /** @description null if squeeze_steps replaces it */
      recipe: string | null;
      /** @description mean_rank / source_rank: the adapter parameters that are trained, as a share of those at the source rank throughout */
      relative_cost: number;
      shape: string;
      source_rank: number;
      squeezes: {
        from_rank: number;
        /** @description Optimizer steps before the squeeze */
        step: number;
        to_rank: number;
      }[];
      /** @description null if squeeze_steps replaces it */
      stage_lengths: string | null;
      stages: components['schemas']['Stage'][];
      target_rank: number;
      total_steps: number;
      /** @description null if squeeze_steps replaces it */
      warm_up_steps: number | null;
    };
    ScheduleModules: {
      /** @default 1 */
      count?: number;
      /** @description Columns of lora_A */
      in_features: number;
      /** @description Rows of lora_B */
      out_features: number;
    };
    /**
     * @description A training whose rank falls at given steps
     * @example {
     *       "source_rank": 64,
     *       "target_rank": 4,
     *       "total_steps": 4000,
     *       "warm_up_steps": 1000,
     *       "shape": "geometric",
     *       "stage_lengths": "equal",
     *       "modules": [
     *         {
     *           "out_features": 4096,
     *           "in_features": 4096,
     *           "count": 128
     *         },
     *         {
     *           "out_features": 11008,
     *           "in_features": 4096,
     *           "count": 64
     *         },
     *         {
     *           "out_features": 4096,
     *           "in_features": 11008,
     *           "count": 32
     *         }
     *       ],
     *       "dtype": "bfloat16",
     *       "optimizer": "adam"
     *     }
     */
    ScheduleRequest: {
      /**
       * @description dtype of the trained factors and their gradients
       * @default float32
       * @enum {string}
       */
      dtype?: 'float32' | 'float16' | 'bfloat16';
      /**
       * @description Smallest share of all steps at the target rank. Cannot be set for the recipe equal.
       * @default 0.5
       */
      final_share?: number;
      /**
       * @description Smallest number of steps at the target rank after the last squeeze (Cont-Squeeze). It is a minimum for the last stage
       * @default 0
       */
      final_steps?: number;
      learning_rate?: components['schemas']['LearningRateRequest'];
      /**
       * @description Smallest number of steps of every stage (200 in the LoRA-Squeeze paper, arXiv 2602.10993)
       * @default 200
       */
      min_stage_steps?: number;
      /**
       * @description in: In-Squeeze, the rank falls in several squeezes during training. cont: Cont-Squeeze, one squeeze from the source rank to the target rank, and further training in the last stage.
       * @default in
       * @enum {string}
       */
      mode?: 'in' | 'cont';
      /** @description Shapes of the adapted modules; without them, parameters and memory are null in the response */
      modules?: components['schemas']['ScheduleModules'][];
      /**
       * @description What the optimizer stores for each parameter. adam (or AdamW): 8 bytes, two float32 moments. adam_8bit: 2 bytes, the same in 8 bits. sgd_momentum: 4 bytes, a float32 momentum. sgd: nothing
       * @default adam
       * @enum {string}
       */
      optimizer?: 'adam' | 'adam_8bit' | 'sgd_momentum' | 'sgd';
      /** @description For the shape custom: the rank of every stage in descending order, from source_rank to target_rank */
      ranks?: number[];
      /**
       * @description recommended: the last stage has at least `final_share` of the steps, and no earlier stage of a schedule is longer. equal: all stages share the steps according to `stage_lengths`.
       * @default recommended
       * @enum {string}
       */
      recipe?: 'recommended' | 'equal';
      /**
       * @description How ranks fall from stage to stage. geometric: by the same factor. linear: by the same number. cosine: along half a cosine, slowly at both ends. custom: as listed in `ranks`
       * @default geometric
       * @enum {string}
       */
      shape?: 'geometric' | 'linear' | 'cosine' | 'custom';
      /** @description The rank at which training starts */
      source_rank: number;
      /** @description The steps of the squeezes, in ascending order; there is one more stage than there are steps. This list replaces everything else that decides the lengths of stages: recipe, final_share, warm_up_steps, final_steps, min_stage_steps and stage_lengths. */
      squeeze_steps?: number[];
      /**
       * @description Lengths of the stages: all equal, or in proportion to their ranks. A stage whose share is below its minimum lasts for the minimum, and the others divide the rest. Steps left over by rounding go to the largest remainders, earlier stages first.
       * @default equal
       * @enum {string}
       */
      stage_lengths?: 'equal' | 'rank_proportional';
      /** @description Number of stages, including both ends. Default: one for each halving of the rank, and one for the source; fewer if there are too few steps. A number given here is used or refused; it is reduced only if rounding would repeat ranks. It cannot be set for the shape custom. */
      stages?: number;
      /** @description The rank at which training ends */
      target_rank: number;
      /** @description Optimizer steps of the whole training */
      total_steps: number;
      /**
       * @description Smallest number of steps at the source rank before the first squeeze. It is a minimum for the first stage and adds no steps
       * @default 0
       */
      warm_up_steps?: number;
    };
    /**
     * @example {
     *       "overlap_seconds": 3600
     *     }
     */
    SecretRotation: {
      /**
       * @description How long the previous secret also signs, so that no request is refused while receivers are changed to the new one
       * @default 86400
       */
      overlap_seconds?: number;
      /** @description Signs every request: `whsec_` and 24 to 64 random bytes in base64 */
      secret?: string;
    };
    Sink:
      | (
          | components['schemas']['UrlSink']
          | components['schemas']['S3Sink']
          | components['schemas']['HubSink']
        )
      | string;
    SinkFile: {
      /** @description Headers that the signature requires, such as x-ms-blob-type */
      headers?: {
        [key: string]: string;
      };
      /**
       * @description https, on port 443; other ports and http only for hosts that the operator allows. May be presigned.
       * @example https://models.example.com/adapter_model.safetensors?signature=4f9a1c0e
       */
      url: string;
    };
    SizePart: {
      /** @description Size of their data, without the header of the file */
      bytes: number;
      tensors: number;
      /**
       * @description lora: factors and alphas. heads: also everything else that modules_to_save names. base_layers: base weights saved along with a module that has LoRA. magnitudes: those of DoRA
       * @enum {string}
       */
      what: 'lora' | 'heads' | 'embeddings' | 'base_layers' | 'biases' | 'magnitudes' | 'other';
    };
    Source:
      | (
          | components['schemas']['UrlSource']
          | components['schemas']['S3Source']
          | components['schemas']['HubSource']
        )
      | string;
    SourceFile: {
      /** @description SHA-256 of the content, hex */
      sha256?: string;
      /**
       * @description https, on port 443; other ports and http only for hosts that the operator allows. May be presigned.
       * @example https://models.example.com/adapter_model.safetensors?signature=4f9a1c0e
       */
      url: string;
    };
    /** @description A folder of a bucket or of a repository, with every adapter below it. An adapter is a folder with adapter_config.json, or a weights file */
    SourcePrefix: (components['schemas']['S3Source'] | components['schemas']['HubSource']) | string;
    /** @description Squeezes an adapter to smaller ranks */
    SqueezeJobRequest: {
      adapter_id?: string;
      /** @description Where to deliver the results, as a part of the job. One sink is for all targets: the files of a single target are delivered to it directly; if there are several, each gets a folder there, such as `r16`. A list names a sink for each target. */
      deliver?: components['schemas']['DeliverRequest'][] | components['schemas']['Destination'] | string;
      dry_run?: components['schemas']['DryRun'];
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'squeeze';
      labels?: components['schemas']['Labels'];
      name?: components['schemas']['RecordName'];
      options?: components['schemas']['SqueezeOptions'];
      priority?: components['schemas']['JobPriority'];
      results?: components['schemas']['ResultSettings'];
      /**
       * @description Whether equal requests, in progress or done, may share the work. The job has its own results, labels, priority and time to live in any case. `false` repeats the work.
       * @default true
       */
      reuse?: boolean;
      source?: components['schemas']['Source'];
      targets: components['schemas']['Target'][];
      ttl_seconds?: components['schemas']['TtlSeconds'];
      webhook?: components['schemas']['RequestWebhook'];
    };
    SqueezeOptions: {
      /**
       * @description rsvd: randomised SVD. exact: truncated SVD to rounding error.
       * @default rsvd
       * @enum {string}
       */
      method?: 'rsvd' | 'exact';
      /**
       * @description Columns of the sketch beyond the rank
       * @default 10
       */
      oversampling?: number;
      /**
       * @description Number of power iterations, or "auto": until the captured energy settles
       * @default auto
       */
      power_iterations?: number | 'auto';
      /**
       * @description Seed of the sketch
       * @default 0
       */
      seed?: number;
    };
    /**
     * @example {
     *       "targets": [
     *         {
     *           "rank": 16
     *         },
     *         {
     *           "energy": 0.99,
     *           "scale": "keep"
     *         }
     *       ],
     *       "options": {
     *         "method": "rsvd",
     *         "seed": 7
     *       },
     *       "results": {
     *         "name": "search-v3-r{rank}",
     *         "labels": {
     *           "team": "search"
     *         }
     *       }
     *     }
     */
    SqueezeRequest: {
      labels?: components['schemas']['Labels'];
      name?: components['schemas']['RecordName'];
      options?: components['schemas']['SqueezeOptions'];
      priority?: components['schemas']['JobPriority'];
      results?: components['schemas']['ResultSettings'];
      /**
       * @description Whether equal requests, in progress or done, may share the work. The job has its own results, labels, priority and time to live in any case. `false` repeats the work.
       * @default true
       */
      reuse?: boolean;
      targets: components['schemas']['Target'][];
      ttl_seconds?: components['schemas']['TtlSeconds'];
      webhook?: components['schemas']['RequestWebhook'];
    };
    Stage: {
      /** @description Optimizer steps done when the stage begins */
      begin_step: number;
      /** @description Optimizer steps done when the stage ends, where the next squeeze follows */
      end_step: number;
      index: number;
      learning_rate: components['schemas']['StageLearningRate'];
      /** @description Memory of factors, gradients and optimizer, without the base model and activations; null without `modules` */
      memory: components['schemas']['StageMemory'] | null;
      /** @description Number of trained parameters; null without `modules` */
      parameters: number | null;
      rank: number;
      steps: number;
    };
    StageLearningRate: {
      /** @description Steps at the end of the stage, in which the rate falls to zero */
      decay_steps: number;
      /** @description Factor of the peak: the cube root of source_rank / rank */
      factor: number;
      /** @description Share of the stage in Σ(learning rate × steps) of the training */
      share: number;
      /** @description Steps at the beginning of the stage, in which the rate rises */
      warm_up_steps: number;
    };
    StageMemory: {
      gradients_bytes: number;
      optimizer_bytes: number;
      total_bytes: number;
      weights_bytes: number;
    };
    /** @description Its `type` is the name of the event */
    StreamEventData:
      | components['schemas']['JobStateEvent']
      | components['schemas']['BatchEndEvent']
      | components['schemas']['ProgressEvent']
      | components['schemas']['StreamNotice'];
    /**
     * @example {
     *       "type": "stream.open",
     *       "timestamp": "2026-11-24T21:50:10.000Z",
     *       "data": {
     *         "last_event_id": null
     *       }
     *     }
     */
    StreamNotice: {
      data: {
        /** @description The `Last-Event-ID` of the request */
        last_event_id: string | null;
      };
      /**
       * Format: date-time
       * @description When the event was sent
       */
      timestamp: string;
      /**
       * @description stream.open: the stream contains everything that happens from here on, so records that you read afterwards are never older than the stream. stream.gap: events between `Last-Event-ID` and this one are no longer kept; read again the records that you follow (enum property replaced by openapi-typescript)
       * @enum {string}
       */
      type: 'stream.open' | 'stream.gap';
    };
    SucceededResult: {
      /** @description The squeezed adapter. If nothing needed to change, it is a separate record of the same files */
      adapter_id: string;
      /** @description Size of the weights file */
      bytes: number;
      /** @description 1 − relative_error² */
      energy_retained: number;
      /** @description relative_error is at most 1 + excess_bound times the smallest possible error of an adapter of these ranks; null: the error is due to rounding alone */
      excess_bound?: number | null;
      /** @description null: no loss is expected, or the result is that of a checkpoint, which is trained further. `warnings` describes it in words */
      expected_loss?: components['schemas']['ExpectedLoss'] | null;
      format: components['schemas']['FormatName'];
      /** @description 1 − module_relative_error²: the mean, over the same modules, of the share of energy kept */
      module_energy_retained?: number;
      /** @description √(mean of ‖ΔW − ΔW′‖² / ‖ΔW‖² over the modules): the root mean square of the modules’ own relative errors, measured on the written file. Dead modules, whose energy is at most 1e-6 of the mean, do not count */
      module_relative_error?: number;
      /** @description Parameters in the LoRA factors */
      parameters: number;
      rank: {
        max: number;
        min: number;
      };
      /** @description ‖ΔW − ΔW′‖_F / ‖ΔW‖_F over all modules, measured on the written file */
      relative_error: number;
      /** @description Whether the server of the profile loads the result; null without a profile */
      serving: components['schemas']['Verdict'] | null;
      /** @description Size by kind of tensor; absent in jobs of older versions */
      size?: components['schemas']['SizePart'][];
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      state: 'succeeded';
      target: components['schemas']['Target'];
      /** @description For further training; null if the target does not ask for projections */
      training: components['schemas']['TrainingNotes'] | null;
      warnings: string[];
      worst_module: components['schemas']['ModuleError'] | null;
    };
    SucceededTargetReport: {
      adapter_id: string;
      energy_retained: number;
      /** @description relative_error is at most 1 + excess_bound times the smallest possible error of an adapter of these ranks; null: the error is due to rounding alone */
      excess_bound?: number | null;
      /** @description null: no loss is expected, or the result is that of a checkpoint, which is trained further. `warnings` describes it in words */
      expected_loss?: components['schemas']['ExpectedLoss'] | null;
      /** @description 1 − module_relative_error²: the mean, over the same modules, of the share of energy kept */
      module_energy_retained?: number;
      /** @description √(mean of ‖ΔW − ΔW′‖² / ‖ΔW‖² over the modules): the root mean square of the modules’ own relative errors, measured on the written file. Dead modules, whose energy is at most 1e-6 of the mean, do not count */
      module_relative_error?: number;
      modules: components['schemas']['ModuleResult'][];
      relative_error: number;
      /** @description Size by kind of tensor in the weights file */
      size?: components['schemas']['SizePart'][];
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      state: 'succeeded';
      target: components['schemas']['Target'];
    };
    /** @description One rank policy, and how to write the result. A profile alone asks for the largest rank that it (or max_rank) allows. A format alone asks for a conversion: every module keeps its rank, within min_rank and max_rank. */
    Target: {
      /** @description At most this many bytes for the factors, spent on the modules where a rank lowers the error most per byte */
      budget_bytes?: number;
      /** @description At most this many parameters in the factors, spent on the modules where a rank lowers the error most per parameter */
      budget_parameters?: number;
      /**
       * @description dtype of the carried floating-point tensors (heads, embeddings, biases, magnitudes); numbers that do not fit are refused. Default: they stay byte for byte
       * @enum {string}
       */
      cast?: 'float32' | 'float16' | 'bfloat16';
      /**
       * @description kohya: the rank that resize_lora.py of kohya-ss/sd-scripts gives each module for the same parameter, which is one more than the policy asks for. The default of uniform is then false; max_rank is --new_rank.
       * @enum {string}
       */
      compat?: 'kohya';
      /**
       * @description The error that a budget keeps small. relative: a direction counts as its share σ²/Σσ² in its own module, so that module_relative_error is small. energy: it counts as s²σ², so that relative_error is small. It has no effect with uniform.
       * @default relative
       * @enum {string}
       */
      criterion?: 'relative' | 'energy';
      /** @description The smallest rank that keeps this share of Σσ (kohya’s sv_cumulative with compat kohya) */
      cumulative?: number;
      /**
       * @description dtype of the written factors; match keeps that of the source
       * @default match
       * @enum {string}
       */
      dtype?: 'match' | 'float32' | 'float16' | 'bfloat16';
      /** @description The smallest rank that keeps this share of Σσ² (with compat kohya, sv_fro of p is an energy of p²) */
      energy?: number;
      format?: components['schemas']['FormatName'];
      format_options?: components['schemas']['FormatOptions'];
      /**
       * @description The rank where the spectrum bends
       * @enum {boolean}
       */
      knee?: true;
      /** @description Largest rank of each module */
      max_rank?: number;
      /** @description Smallest rank of each module, up to its own rank */
      min_rank?: number;
      /**
       * @description The server that must load the result (GET /v1/capabilities). The profile decides whatever the target leaves open: scale, dtype, uniform, the allowed ranks. The result then contains a verdict, rule by rule.
       * @example vllm
       */
      profile?: string;
      /**
       * @description For further training: also write projections.safetensors with P (r×k) and R (k×r) of every module, where B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/artifacts/projections.safetensors)
       * @default false
       */
      projections?: boolean;
      /** @description The rank of the result */
      rank?: number;
      /** @description Ranks by module name or pattern, matched as PEFT matches them; other modules stay as they are */
      rank_pattern?: {
        [key: string]: number;
      };
      /** @description Keep the singular values above σ₁ divided by this (kohya’s sv_ratio with compat kohya) */
      ratio?: number;
      results?: components['schemas']['ResultSettings'];
      /**
       * @description For further training: whether directions of length zero get B = 0 and a random A instead of zeros in both factors, which no gradient could change
       * @default false
       */
      revive?: boolean;
      /**
       * @description fold: the scaling is multiplied into the factors, and lora_alpha becomes the rank; in the format kohya, every alpha becomes the smallest rank. keep: the scaling stays, and lora_alpha follows the rank. sqrt: the scaling grows by √(old rank / new rank), as with α/√r.
       * @default fold
       * @enum {string}
       */
      scale?: 'fold' | 'keep' | 'sqrt';
      /**
       * @description Which factor gets the singular values: both in equal shares (best for further training), B, or A
       * @default balanced
       * @enum {string}
       */
      split?: 'balanced' | 'b' | 'a';
      /**
       * @description Kinds of carried tensors to leave out (see `size` of the adapter). The configuration no longer names them, and the result has a warning for each kind. Default: all are carried over
       * @example [
       *       "heads",
       *       "embeddings"
       *     ]
       */
      strip?: ('heads' | 'embeddings' | 'base_layers' | 'biases' | 'other')[];
      /** @description The smallest rank with at most this relative error ‖ΔW − ΔW′‖ / ‖ΔW‖ in every module */
      tolerance?: number;
      /** @description One rank for all modules, which most servers require. With false each module may have its own rank, written as rank_pattern. Default: true, except for budgets, rank_pattern and compat, whose purpose is different ranks. */
      uniform?: boolean;
    };
    /** @description The forecast for a target */
    TargetForecast: {
      /**
       * @description What the numbers are based on: the shapes of the modules, or also the singular values in the report of an earlier job of the same weights; null if there are no numbers
       * @enum {string|null}
       */
      basis: 'shapes' | 'spectra' | null;
      /** @description Size of the weights file */
      bytes: number | null;
      /** @description Why this target would fail */
      error: components['schemas']['JobFailure'] | null;
      /** @description Parameters in the LoRA factors */
      parameters: number | null;
      /** @description null: the rank depends on singular values that are not known */
      rank: {
        max: number;
        min: number;
      } | null;
      /** @description The smallest possible ‖ΔW − ΔW′‖_F / ‖ΔW‖_F with these ranks, before rounding to a dtype; null if the singular values are not known */
      relative_error: number | null;
      target: components['schemas']['Target'];
      warnings: string[];
    };
    TargetReport: components['schemas']['SucceededTargetReport'] | components['schemas']['FailedResult'];
    /**
     * @example {
     *       "id": "team-a",
     *       "weight": 300,
     *       "max_priority": "normal",
     *       "quotas": {
     *         "stored_bytes": 107374182400,
     *         "max_queued": 20000,
     *         "max_running": 4,
     *         "requests_per_minute": 600
     *       },
     *       "state": "active",
     *       "suspended_at": null,
     *       "created_at": "2026-11-24T21:50:00.000Z"
     *     }
     */
    Tenant: {
      /** Format: date-time */
      created_at: string;
      /**
       * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
       * @example team-a
       */
      id: string;
      max_priority?: components['schemas']['JobPriority'];
      quotas: components['schemas']['Quotas'];
      /**
       * @description `suspended`: the tenant may read, cancel and delete, and none of its waiting jobs starts; `deleting`: all data of the tenant is being removed
       * @enum {string}
       */
      state: 'active' | 'suspended' | 'deleting';
      /** Format: date-time */
      suspended_at: string | null;
      /** @description The tenant’s share of the workers: while two tenants have waiting jobs, three times the weight gives three times the time. Absent: the default of the service */
      weight?: number;
    };
    /**
     * @example {
     *       "batches": 1,
     *       "jobs": 4812
     *     }
     */
    TenantCancellation: {
      batches: number;
      /** @description Number of jobs, including those of batches */
      jobs: number;
    };
    /**
     * @example {
     *       "data": [
     *         {
     *           "id": "team-a",
     *           "weight": 300,
     *           "max_priority": "normal",
     *           "quotas": {
     *             "stored_bytes": 107374182400,
     *             "max_queued": 20000,
     *             "max_running": 4,
     *             "requests_per_minute": 600
     *           },
     *           "state": "active",
     *           "suspended_at": null,
     *           "created_at": "2026-11-24T21:50:00.000Z",
     *           "queued": 12,
     *           "running": 2,
     *           "stored_bytes": 319989632
     *         }
     *       ],
     *       "next_cursor": null
     *     }
     */
    TenantList: {
      data: components['schemas']['TenantSummary'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    /**
     * @example {
     *       "weight": 300,
     *       "max_priority": "normal",
     *       "quotas": {
     *         "stored_bytes": 107374182400,
     *         "max_queued": 20000,
     *         "max_running": 4,
     *         "requests_per_minute": 600
     *       }
     *     }
     */
    TenantRequest: {
      max_priority?: components['schemas']['JobPriority'];
      quotas?: components['schemas']['Quotas'];
      /** @description The tenant’s share of the workers: while two tenants have waiting jobs, three times the weight gives three times the time. Absent: the default of the service */
      weight?: number;
    };
    /**
     * @example {
     *       "id": "team-a",
     *       "weight": 300,
     *       "max_priority": "normal",
     *       "quotas": {
     *         "stored_bytes": 107374182400,
     *         "max_queued": 20000,
     *         "max_running": 4,
     *         "requests_per_minute": 600
     *       },
     *       "state": "active",
     *       "suspended_at": null,
     *       "created_at": "2026-11-24T21:50:00.000Z",
     *       "queued": 12,
     *       "running": 2,
     *       "stored_bytes": 319989632
     *     }
     */
    TenantSummary: {
      /** Format: date-time */
      created_at: string;
      /**
       * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
       * @example team-a
       */
      id: string;
      max_priority?: components['schemas']['JobPriority'];
      /** @description Number of waiting jobs */
      queued: number;
      quotas: components['schemas']['Quotas'];
      /** @description Number of running jobs */
      running: number;
      /**
       * @description `suspended`: the tenant may read, cancel and delete, and none of its waiting jobs starts; `deleting`: all data of the tenant is being removed
       * @enum {string}
       */
      state: 'active' | 'suspended' | 'deleting';
      /** @description Bytes of all files of all adapters, results included, each counted in full, as for the quota */
      stored_bytes: number;
      /** Format: date-time */
      suspended_at: string | null;
      /** @description The tenant’s share of the workers: while two tenants have waiting jobs, three times the weight gives three times the time. Absent: the default of the service */
      weight?: number;
    };
    TenantWithUsage: {
      /** Format: date-time */
      created_at: string;
      /**
       * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
       * @example team-a
       */
      id: string;
      max_priority?: components['schemas']['JobPriority'];
      quotas: components['schemas']['Quotas'];
      /**
       * @description `suspended`: the tenant may read, cancel and delete, and none of its waiting jobs starts; `deleting`: all data of the tenant is being removed
       * @enum {string}
       */
      state: 'active' | 'suspended' | 'deleting';
      /** Format: date-time */
      suspended_at: string | null;
      usage: components['schemas']['Usage'];
      /** @description The tenant’s share of the workers: while two tenants have waiting jobs, three times the weight gives three times the time. Absent: the default of the service */
      weight?: number;
    };
    /** @description Seconds */
    Timings: {
      core: number;
      gram: number;
      /** @description Reading and decoding */
      load: number;
      project: number;
      /** @description From acceptance to the start */
      queue_wait: number;
      /** @description Wall-clock time from the start to the end */
      total: number;
      /** @description Encoding, writing, hashing, storing */
      write: number;
    };
    TrainingNotes: {
      /** @description Other files of the job: projections.safetensors, optimizer.safetensors */
      files: components['schemas']['AdapterFile'][];
      /** @description The factor of the learning rate that keeps the size of a step in ΔW, for optimizers whose step size does not depend on the gradient, such as Adam. It is s·√Σ(m‖A‖² + n‖B‖²) before the squeeze, divided by that after it. In a run, `learning_rate` is the rate of the plan. */
      learning_rate_factor: number;
      /**
       * @description What happened to the moments; none: no moments were sent
       * @enum {string}
       */
      optimizer: 'carried' | 'reset' | 'none';
      /** @description Number of directions that got a random A */
      revived_directions: number;
    };
    /** @description Seconds from the creation of the record (for a job, from its end) until the service removes it */
    TtlSeconds: number;
    Upload: {
      /** @description Whether all bytes have arrived */
      complete: boolean;
      /** Format: date-time */
      created_at: string;
      /**
       * Format: date-time
       * @description When the upload is removed; every byte that arrives postpones this time
       */
      expires_at: string;
      /**
       * @description The file of an adapter: weights under any name that ends in .safetensors or .gguf, or adapter_config.json
       * @example adapter_model.safetensors
       */
      filename: string;
      /**
       * @description 8 to 64 letters, digits, underscores and hyphens
       * @example up_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
       */
      id: string;
      received_bytes: number;
      /** @description SHA-256 of the whole file; null until it is complete */
      sha256: string | null;
      /** @description null: the size was not announced yet */
      total_bytes: number | null;
    };
    UploadList: {
      data: components['schemas']['Upload'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    /** @description Files of a server, read by GET and written by PUT */
    UrlConnectionRequest: {
      /**
       * @description Hosts that this connection may reach although they are not public. Requires the scope `admin`
       * @default []
       * @example [
       *       "minio.internal:9000"
       *     ]
       */
      allowed_hosts?: string[];
      credentials?: components['schemas']['UrlCredentials'];
      /**
       * @description What the connection is for
       * @default
       */
      description?: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'url';
      /**
       * @description Name of a connection: lower-case letters, digits and hyphens, no hyphen at either end
       * @example models
       */
      name: string;
      /**
       * @description What the connection covers: `s3://bucket` or `s3://bucket/folder`; `hf://owner`, `hf://owner/repo` or a folder of a repository; `https://host` or `https://host/folder`. Each covers everything below it: `s3://models/in` covers `s3://models/in/x` but not `s3://models/index`
       * @example [
       *       "s3://models/in",
       *       "s3://models/out"
       *     ]
       */
      prefixes: string[];
    };
    /** @description Never shown again */
    UrlCredentials: {
      /** @description Headers that are sent with every request, such as Authorization */
      headers: {
        [key: string]: string;
      };
    };
    /** @description Files, each sent by PUT, usually to presigned URLs. A file without a URL is not sent */
    UrlSink: {
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      /** @description The weights, under either name; the configuration, the card (README.md) and the report, if they exist */
      files: {
        'adapter_config.json'?: components['schemas']['SinkFile'];
        'adapter_model.safetensors'?: components['schemas']['SinkFile'];
        card?: components['schemas']['SinkFile'];
        config?: components['schemas']['SinkFile'];
        report?: components['schemas']['SinkFile'];
        weights?: components['schemas']['SinkFile'];
      };
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'url';
    };
    /** @description Files at any URLs */
    UrlSource: {
      /**
       * @description Name of the connection to use, which has the credentials
       * @example models
       */
      connection?: string;
      /** @description The weights, in any format and under either name; the configuration, if the format has one; the card */
      files: {
        'adapter_config.json'?: components['schemas']['SourceFile'];
        'adapter_model.safetensors'?: components['schemas']['SourceFile'];
        card?: components['schemas']['SourceFile'];
        config?: components['schemas']['SourceFile'];
        weights?: components['schemas']['SourceFile'];
      };
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      kind: 'url';
    };
    /**
     * @example {
     *       "stored_bytes": 319989632,
     *       "adapters": 3,
     *       "jobs": 12,
     *       "limits": {
     *         "stored_bytes": 107374182400,
     *         "max_queued": 20000,
     *         "max_running": 4,
     *         "requests_per_minute": null,
     *         "weight": 300,
     *         "max_priority": "normal"
     *       },
     *       "queue": {
     *         "queued": 2,
     *         "running": 1,
     *         "oldest_waiting_seconds": 41,
     *         "estimated_start_seconds": 12
     *       },
     *       "days": [
     *         {
     *           "date": "2026-11-24",
     *           "jobs": 12,
     *           "stored_bytes": 319989632,
     *           "compute_seconds": 88.5
     *         }
     *       ]
     *     }
     */
    Usage: {
      adapters: number;
      /** @description Days with usage, the newest first */
      days: components['schemas']['UsageDay'][];
      /** @description Number of recorded jobs, ended ones included */
      jobs: number;
      limits: components['schemas']['Limits'];
      queue: components['schemas']['UsageQueue'];
      /** @description Bytes of all files of all adapters, results included, each counted in full, as for the quota */
      stored_bytes: number;
    };
    UsageDay: {
      /** @description How long the work of the tenant ran on workers, including failed attempts; added when the work ends */
      compute_seconds: number;
      /**
       * Format: date
       * @description In UTC
       */
      date: string;
      /** @description Number of accepted jobs */
      jobs: number;
      /** @description Bytes of new adapters */
      stored_bytes: number;
    };
    UsageQueue: {
      /** @description Estimated time until the next job starts; null if none waits or there is no worker */
      estimated_start_seconds: number | null;
      /** @description How long the oldest job has waited; null if none waits */
      oldest_waiting_seconds: number | null;
      /** @description Number of waiting jobs */
      queued: number;
      /** @description Number of running jobs */
      running: number;
    };
    Verdict: {
      /** @description Whether every rule passed */
      loads: boolean;
      profile: string;
      rules: components['schemas']['RuleVerdict'][];
    };
    /**
     * @example {
     *       "id": "wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "url": "https://ml.example.com/hooks/lora-squeeze",
     *       "events": [
     *         "job.succeeded",
     *         "job.failed"
     *       ],
     *       "labels": {
     *         "team": "search"
     *       },
     *       "description": "Rolls out what was squeezed",
     *       "enabled": true,
     *       "disabled_reason": null,
     *       "created_at": "2026-11-24T21:40:00.000Z"
     *     }
     */
    Webhook: {
      /** Format: date-time */
      created_at: string;
      /** @description A description */
      description: string;
      /** @description Why the service stopped sending, which it does if the receiver answers 410; null otherwise */
      disabled_reason: string | null;
      /** @description Whether events are sent */
      enabled: boolean;
      /** @description Which events are sent. `job.queued`: a job was accepted, or waits for another attempt. `job.started`: an attempt started. All others report that a job or batch has ended */
      events: (
        | 'job.queued'
        | 'job.started'
        | 'job.succeeded'
        | 'job.partial'
        | 'job.failed'
        | 'job.cancelled'
        | 'batch.ended'
      )[];
      /**
       * @description Id of a webhook
       * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
       */
      id: string;
      /**
       * @description Only events of records with all of these labels are sent; {}: all events
       * @example {
       *       "team": "search",
       *       "env": "prod"
       *     }
       * @example {
       *       "mlflow.runId": "8f3c",
       *       "app.kubernetes.io/name": "chat"
       *     }
       */
      labels: {
        [key: string]: string;
      };
      /**
       * @description URL to which events are sent by POST: https on port 443 of a public server, or a host that the operator allows. For a webhook of a job, batch or run, only the host is shown.
       * @example https://ml.example.com/hooks/lora-squeeze
       */
      url: string;
    };
    /**
     * @description Absent fields stay unchanged
     * @example {
     *       "enabled": true
     *     }
     */
    WebhookChange: {
      /** @description A description */
      description?: string;
      /** @description Whether events are sent */
      enabled?: boolean;
      /** @description Which events are sent. `job.queued`: a job was accepted, or waits for another attempt. `job.started`: an attempt started. All others report that a job or batch has ended */
      events?: (
        | 'job.queued'
        | 'job.started'
        | 'job.succeeded'
        | 'job.partial'
        | 'job.failed'
        | 'job.cancelled'
        | 'batch.ended'
      )[];
      /**
       * @description Only events of records with all of these labels are sent; {}: all events
       * @example {
       *       "team": "search",
       *       "env": "prod"
       *     }
       * @example {
       *       "mlflow.runId": "8f3c",
       *       "app.kubernetes.io/name": "chat"
       *     }
       */
      labels?: {
        [key: string]: string;
      };
      /**
       * @description URL to which events are sent by POST: https on port 443 of a public server, or a host that the operator allows. For a webhook of a job, batch or run, only the host is shown.
       * @example https://ml.example.com/hooks/lora-squeeze
       */
      url?: string;
    };
    /**
     * @example {
     *       "type": "webhook.test",
     *       "timestamp": "2026-11-24T21:51:03.480Z",
     *       "data": {
     *         "webhook_id": "wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d"
     *       }
     *     }
     */
    WebhookEvent:
      | components['schemas']['JobStateEvent']
      | components['schemas']['BatchEndEvent']
      | components['schemas']['WebhookTestEvent'];
    /**
     * @example {
     *       "data": [
     *         {
     *           "id": "wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *           "url": "https://ml.example.com/hooks/lora-squeeze",
     *           "events": [
     *             "job.succeeded",
     *             "job.failed"
     *           ],
     *           "labels": {
     *             "team": "search"
     *           },
     *           "description": "Rolls out what was squeezed",
     *           "enabled": true,
     *           "disabled_reason": null,
     *           "created_at": "2026-11-24T21:40:00.000Z"
     *         }
     *       ],
     *       "next_cursor": null
     *     }
     */
    WebhookList: {
      data: components['schemas']['Webhook'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
    /**
     * @example {
     *       "url": "https://ml.example.com/hooks/lora-squeeze",
     *       "events": [
     *         "job.succeeded",
     *         "job.failed"
     *       ],
     *       "labels": {
     *         "team": "search"
     *       },
     *       "description": "Rolls out what was squeezed"
     *     }
     */
    WebhookRequest: {
      /**
       * @description A description
       * @default
       */
      description?: string;
      /**
       * @description Whether events are sent
       * @default true
       */
      enabled?: boolean;
      /**
       * @description Which events are sent. `job.queued`: a job was accepted, or waits for another attempt. `job.started`: an attempt started. All others report that a job or batch has ended
       * @default [
       *       "job.succeeded",
       *       "job.partial",
       *       "job.failed",
       *       "job.cancelled",
       *       "batch.ended"
       *     ]
       */
      events?: (
        | 'job.queued'
        | 'job.started'
        | 'job.succeeded'
        | 'job.partial'
        | 'job.failed'
        | 'job.cancelled'
        | 'batch.ended'
      )[];
      /**
       * @description Only events of records with all of these labels are sent; {}: all events
       * @default {}
       * @example {
       *       "team": "search",
       *       "env": "prod"
       *     }
       * @example {
       *       "mlflow.runId": "8f3c",
       *       "app.kubernetes.io/name": "chat"
       *     }
       */
      labels?: {
        [key: string]: string;
      };
      /** @description Signs every request: `whsec_` and 24 to 64 random bytes in base64 */
      secret?: string;
      /**
       * @description URL to which events are sent by POST: https on port 443 of a public server, or a host that the operator allows. For a webhook of a job, batch or run, only the host is shown.
       * @example https://ml.example.com/hooks/lora-squeeze
       */
      url: string;
    };
    WebhookTestEvent: {
      data: {
        /**
         * @description Id of a webhook
         * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        webhook_id: string;
      };
      /** Format: date-time */
      timestamp: string;
      /**
       * @description discriminator enum property added by openapi-typescript
       * @enum {string}
       */
      type: 'webhook.test';
    };
    /**
     * @example {
     *       "id": "2f1c5a1e-6b0d-4c1b-9d0a-0a4a7f3c2b11",
     *       "host": "squeeze-worker-3",
     *       "provider": "cpu",
     *       "slots": 2,
     *       "running": 1,
     *       "ms_per_mib": 41,
     *       "state": "active",
     *       "draining_at": null,
     *       "seen_at": "2026-11-24T21:50:10.000Z"
     *     }
     */
    Worker: {
      /** Format: date-time */
      draining_at: string | null;
      /** @description Name of the machine */
      host: string;
      /** @description Id of the worker; a new one after each start */
      id: string;
      /** @description Time that the worker needs for one MiB of weights; null: it has not run anything yet */
      ms_per_mib: number | null;
      /** @description Execution provider */
      provider: string;
      /** @description Number of executions that it is running */
      running: number;
      /**
       * Format: date-time
       * @description Time of its last report; workers report every 5 seconds
       */
      seen_at: string;
      /** @description Number of executions that the worker can run at the same time */
      slots: number;
      /**
       * @description `draining`: the worker starts no more executions, and those that are running continue; `drained`: nothing is running any longer, and a process with ROLE=worker ends
       * @enum {string}
       */
      state: 'active' | 'draining' | 'drained';
    };
    /**
     * @example {
     *       "data": [
     *         {
     *           "id": "2f1c5a1e-6b0d-4c1b-9d0a-0a4a7f3c2b11",
     *           "host": "squeeze-worker-3",
     *           "provider": "cpu",
     *           "slots": 2,
     *           "running": 1,
     *           "ms_per_mib": 41,
     *           "state": "active",
     *           "draining_at": null,
     *           "seen_at": "2026-11-24T21:50:10.000Z"
     *         }
     *       ],
     *       "next_cursor": null
     *     }
     */
    WorkerList: {
      data: components['schemas']['Worker'][];
      /** @description `cursor` of the next page; null if there is none */
      next_cursor: string | null;
    };
  };
  responses: {
    /** @description Bad Request */
    BadRequest: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Conflict */
    Conflict: {
      headers: {
        'retry-after': components['headers']['RetryAfter'];
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Failed Dependency */
    FailedDependency: {
      headers: {
        'retry-after': components['headers']['RetryAfter'];
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Forbidden */
    Forbidden: {
      headers: {
        'www-authenticate': components['headers']['WwwAuthenticate'];
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Gone */
    Gone: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Insufficient Storage */
    InsufficientStorage: {
      headers: {
        'retry-after': components['headers']['RetryAfter'];
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Internal Server Error */
    InternalServerError: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Locked */
    Locked: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Misdirected Request */
    MisdirectedRequest: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Removed */
    NoContent: {
      headers: {
        [name: string]: unknown;
      };
      content?: never;
    };
    /** @description Not Found */
    NotFound: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description The client's copy is current */
    NotModified: {
      headers: {
        [name: string]: unknown;
      };
      content?: never;
    };
    /** @description Payload Too Large */
    PayloadTooLarge: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Precondition Failed */
    PreconditionFailed: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Range Not Satisfiable */
    RangeNotSatisfiable: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Request Timeout */
    RequestTimeout: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Service Unavailable */
    ServiceUnavailable: {
      headers: {
        'retry-after': components['headers']['RetryAfter'];
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Too Many Requests */
    TooManyRequests: {
      headers: {
        ratelimit: components['headers']['Ratelimit'];
        'ratelimit-policy': components['headers']['RatelimitPolicy'];
        'retry-after': components['headers']['RetryAfter'];
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Unauthorized */
    Unauthorized: {
      headers: {
        'www-authenticate': components['headers']['WwwAuthenticate'];
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Unprocessable Entity */
    UnprocessableEntity: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Unsupported Media Type */
    UnsupportedMediaType: {
      headers: {
        'x-request-id': components['headers']['XRequestId'];
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
  };
  parameters: {
    /**
     * @description Id of an adapter
     * @example ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877
     */
    AdapterId: string;
    /**
     * @description Id of a batch
     * @example batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
     */
    BatchId: string;
    /**
     * @description Name of a connection: lower-case letters, digits and hyphens, no hyphen at either end
     * @example models
     */
    ConnectionName: string;
    /** @description SHA-256 or SHA-512 of the whole body, boundaries included (RFC 9530), checked while it arrives. Headers of single parts are ignored. */
    ContentDigest: string;
    /** @description Only records created later than this; a date without a time means midnight in UTC */
    CreatedAfter: string;
    /** @description Only records created earlier than this; a date without a time means midnight in UTC */
    CreatedBefore: string;
    /** @description `next_cursor` of the previous page; repeat the other parameters of that page with it */
    Cursor: string;
    /** @description The figure; `difference` shows in which of the first two results each module has the lower error */
    Figure: 'error-by-rank' | 'heatmap' | 'difference' | 'sizes';
    /**
     * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
     * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
     */
    IdempotencyKey: string;
    /** @description ETag of the client's copy */
    IfNoneMatch: string;
    /** @description Honour `Range` only if the file has this ETag */
    IfRange: string;
    /**
     * @description Id of a job
     * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
     */
    JobId: string;
    /**
     * @description A required label, as `name:value`; repeat it to require several labels
     * @example [
     *       "team:search"
     *     ]
     */
    Label: string[];
    /** @description Largest number of items in the page */
    Limit: number;
    /** @description The beginning of the name */
    Name: string;
    /**
     * @description `wait=N` (RFC 7240) waits up to N seconds, at most 55, until the job, the batch or the squeeze has ended. If it has not ended by then, the response is the same as without `wait`.
     * @example wait=30
     */
    Prefer: string;
    /** @description One byte range; if several are requested, the response is the whole file */
    Range: string;
    /** @description The same as Content-Digest, because the body is its own representation */
    ReprDigest: string;
    /**
     * @description Id of a run
     * @example run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
     */
    RunId: string;
    /** @description Only records in one of these states, separated by commas or repeated */
    State: ('queued' | 'active' | 'succeeded' | 'partial' | 'failed' | 'cancelled')[];
    /**
     * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
     * @example team-a
     */
    TenantId: string;
    /**
     * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
     * @example team-a
     */
    TenantQuery: string;
    /**
     * @description Version of the protocol
     * @example 1.0.0
     */
    TusResumable: string;
    /**
     * @description Id of an upload
     * @example up_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
     */
    UploadId: string;
    /**
     * @description Id of a webhook
     * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
     */
    WebhookId: string;
  };
  requestBodies: never;
  headers: {
    /** @description `bytes` */
    AcceptRanges: string;
    /** @description The range of bytes, and the total number */
    ContentRange: string;
    /** @description SHA-256 of the file, hex, in quotes */
    Etag: string;
    /** @description `true` if this response was already given to the same Idempotency-Key */
    IdempotentReplayed: string;
    /** @description The next page, `rel="next"`; absent at the end */
    Link: string;
    /** @description Path of the resource */
    Location: string;
    /** @description `"requests";r=…;t=…`: the number of requests left, and the seconds until they are replenished */
    Ratelimit: string;
    /** @description `"requests";q=…;w=60`: requests per minute */
    RatelimitPolicy: string;
    /** @description SHA-256 of the whole file (RFC 9530) */
    ReprDigest: string;
    /** @description Seconds to wait before the next try. A full quota may have room sooner, if records are removed */
    RetryAfter: string;
    /** @description Version of the protocol: 1.0.0 */
    TusResumable: string;
    /** @description When the upload is removed, as an HTTP date; absent once it is complete */
    UploadExpires: string;
    /** @description Number of bytes received */
    UploadOffset: string;
    /** @description `Bearer`. A 403 response has it only if a scope is missing, and then it names the scope */
    WwwAuthenticate: string;
    /** @description Id of the request, which also appears in its log lines */
    XRequestId: string;
  };
  pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
  getLiveness: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The process is alive */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Liveness'];
        };
      };
      400: components['responses']['BadRequest'];
      408: components['responses']['RequestTimeout'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getMetrics: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Text exposition format */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/plain': string;
        };
      };
      400: components['responses']['BadRequest'];
      408: components['responses']['RequestTimeout'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getOpenapiJson: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OpenAPI 3.1 */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      400: components['responses']['BadRequest'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getOpenapiYaml: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OpenAPI 3.1 */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/yaml': string;
        };
      };
      400: components['responses']['BadRequest'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getReadiness: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The process can serve all requests (`ready`) or some (`degraded`) */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Readiness'];
        };
      };
      400: components['responses']['BadRequest'];
      408: components['responses']['RequestTimeout'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  listAdapters: {
    parameters: {
      query?: {
        /** @description The base model, as the adapter names it */
        base_model?: string;
        /** @description Results of the jobs of this batch */
        batch_id?: string;
        /** @description Only records created later than this; a date without a time means midnight in UTC */
        created_after?: components['parameters']['CreatedAfter'];
        /** @description Only records created earlier than this; a date without a time means midnight in UTC */
        created_before?: components['parameters']['CreatedBefore'];
        /** @description `next_cursor` of the previous page; repeat the other parameters of that page with it */
        cursor?: components['parameters']['Cursor'];
        /** @description See GET /v1/capabilities */
        format?: 'peft' | 'diffusers' | 'kohya' | 'xlabs' | 'cloneofsimo' | 'mlx' | 'gguf';
        /** @description Results of this job */
        job_id?: string;
        /**
         * @description A required label, as `name:value`; repeat it to require several labels
         * @example [
         *       "team:search"
         *     ]
         */
        label?: components['parameters']['Label'];
        /** @description Largest number of items in the page */
        limit?: components['parameters']['Limit'];
        /** @description The beginning of the name */
        name?: components['parameters']['Name'];
        /** @description Adapters made from this one */
        parent_id?: string;
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page */
      200: {
        headers: {
          link: components['headers']['Link'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['AdapterList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  uploadAdapter: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description SHA-256 or SHA-512 of the whole body, boundaries included (RFC 9530), checked while it arrives. Headers of single parts are ignored. */
        'content-digest'?: components['parameters']['ContentDigest'];
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
        /** @description The same as Content-Digest, because the body is its own representation */
        'repr-digest'?: components['parameters']['ReprDigest'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'multipart/form-data': {
          /**
           * Format: binary
           * @description The configuration that PEFT and MLX write; other formats have none
           */
          'adapter_config.json'?: Blob;
          /**
           * Format: binary
           * @description The weights, safetensors or GGUF. They may also be a part named `weights`, or any part with a filename that ends in .safetensors or .gguf. Exactly one file of weights is required, or all of `…-00001-of-0000N.safetensors`, with or without their `….safetensors.index.json`
           */
          'adapter_model.safetensors'?: Blob;
          /**
           * Format: binary
           * @description Another name for `adapter_config.json`
           */
          config?: Blob;
          /**
           * @description Up to 16 labels, each a name and a value, by which records can be found: a name has up to 128 ASCII letters, digits, dots, slashes, hyphens and underscores, and begins and ends with a letter or digit; names are case-sensitive. A value has up to 128 characters.
           * @example {
           *       "team": "search",
           *       "env": "prod"
           *     }
           * @example {
           *       "mlflow.runId": "8f3c",
           *       "app.kubernetes.io/name": "chat"
           *     }
           */
          labels?: {
            [key: string]: string;
          };
          /**
           * @description Up to 200 characters without control characters. Names need not be unique.
           * @example support-chat-v3
           */
          name?: string;
          /**
           * Format: binary
           * @description The model card, from which the license is read
           */
          'README.md'?: Blob;
          /** @description Seconds from the creation of the record (for a job, from its end) until the service removes it */
          ttl_seconds?: number;
          /**
           * Format: binary
           * @description Another name for `adapter_model.safetensors`
           */
          weights?: Blob;
        };
      };
    };
    responses: {
      /** @description Stored */
      201: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Adapter'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  getAdapter: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of an adapter
         * @example ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877
         */
        id: components['parameters']['AdapterId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The adapter */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Adapter'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      410: components['responses']['Gone'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  deleteAdapter: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of an adapter
         * @example ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877
         */
        id: components['parameters']['AdapterId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      204: components['responses']['NoContent'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  updateAdapter: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of an adapter
         * @example ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877
         */
        id: components['parameters']['AdapterId'];
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['AdapterPatch'];
      };
    };
    responses: {
      /** @description The changed adapter */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Adapter'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      410: components['responses']['Gone'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  downloadAdapterArchive: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of an adapter
         * @example ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877
         */
        id: components['parameters']['AdapterId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The archive */
      200: {
        headers: {
          /** @description ETag of the archive */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/zip': Blob;
        };
      };
      /** @description The client's copy is current */
      304: {
        headers: {
          /** @description ETag of the archive */
          etag?: string;
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      410: components['responses']['Gone'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  downloadAdapterFile: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description ETag of the client's copy */
        'if-none-match'?: components['parameters']['IfNoneMatch'];
        /** @description Honour `Range` only if the file has this ETag */
        'if-range'?: components['parameters']['IfRange'];
        /** @description One byte range; if several are requested, the response is the whole file */
        range?: components['parameters']['Range'];
      };
      path: {
        /**
         * @description Id of an adapter
         * @example ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877
         */
        id: components['parameters']['AdapterId'];
        /**
         * @description Name of a file of the adapter
         * @example adapter_model.safetensors
         */
        name: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The file */
      200: {
        headers: {
          'accept-ranges': components['headers']['AcceptRanges'];
          etag: components['headers']['Etag'];
          'repr-digest': components['headers']['ReprDigest'];
          [name: string]: unknown;
        };
        content: {
          'application/octet-stream': Blob;
        };
      };
      /** @description The requested part */
      206: {
        headers: {
          'accept-ranges': components['headers']['AcceptRanges'];
          'content-range': components['headers']['ContentRange'];
          etag: components['headers']['Etag'];
          'repr-digest': components['headers']['ReprDigest'];
          [name: string]: unknown;
        };
        content: {
          'application/octet-stream': Blob;
        };
      };
      304: components['responses']['NotModified'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      410: components['responses']['Gone'];
      416: components['responses']['RangeNotSatisfiable'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getAdapterModules: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of an adapter
         * @example ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877
         */
        id: components['parameters']['AdapterId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The modules, in name order */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['AdapterModules'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      410: components['responses']['Gone'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  createAdapterFromUploads: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description SHA-256 or SHA-512 of the whole body, boundaries included (RFC 9530), checked while it arrives. Headers of single parts are ignored. */
        'content-digest'?: components['parameters']['ContentDigest'];
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
        /** @description The same as Content-Digest, because the body is its own representation */
        'repr-digest'?: components['parameters']['ReprDigest'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['AdapterFromUploads'];
      };
    };
    responses: {
      /** @description Stored */
      201: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Adapter'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      410: components['responses']['Gone'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      423: components['responses']['Locked'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  listBatches: {
    parameters: {
      query?: {
        /** @description Only records created later than this; a date without a time means midnight in UTC */
        created_after?: components['parameters']['CreatedAfter'];
        /** @description Only records created earlier than this; a date without a time means midnight in UTC */
        created_before?: components['parameters']['CreatedBefore'];
        /** @description `next_cursor` of the previous page; repeat the other parameters of that page with it */
        cursor?: components['parameters']['Cursor'];
        /**
         * @description A required label, as `name:value`; repeat it to require several labels
         * @example [
         *       "team:search"
         *     ]
         */
        label?: components['parameters']['Label'];
        /** @description Largest number of items in the page */
        limit?: components['parameters']['Limit'];
        /** @description The beginning of the name */
        name?: components['parameters']['Name'];
        /** @description Only records in one of these states, separated by commas or repeated */
        state?: ('active' | 'succeeded' | 'partial' | 'failed' | 'cancelled')[];
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page */
      200: {
        headers: {
          link: components['headers']['Link'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['BatchList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  createBatch: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
        /**
         * @description `wait=N` (RFC 7240) waits up to N seconds, at most 55, until the job, the batch or the squeeze has ended. If it has not ended by then, the response is the same as without `wait`.
         * @example wait=30
         */
        prefer?: components['parameters']['Prefer'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['BatchRequest'];
      };
    };
    responses: {
      /** @description The batch has ended: while the client waited, or immediately because all its work was already done or no item could be tried */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Batch'];
        };
      };
      /** @description The batch is stored durably */
      202: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Batch'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      424: components['responses']['FailedDependency'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  getBatch: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description `wait=N` (RFC 7240) waits up to N seconds, at most 55, until the job, the batch or the squeeze has ended. If it has not ended by then, the response is the same as without `wait`.
         * @example wait=30
         */
        prefer?: components['parameters']['Prefer'];
      };
      path: {
        /**
         * @description Id of a batch
         * @example batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['BatchId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The batch */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Batch'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  deleteBatch: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a batch
         * @example batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['BatchId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      204: components['responses']['NoContent'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  updateBatch: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a batch
         * @example batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['BatchId'];
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['BatchPatch'];
      };
    };
    responses: {
      /** @description The batch */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Batch'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  downloadBatchArchive: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a batch
         * @example batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['BatchId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The archive */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/zip': Blob;
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  cancelBatch: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description Id of a batch
         * @example batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['BatchId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The cancelled batch */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Batch'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  streamBatchEvents: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Id of the last received event; browsers send it automatically
         * @example 153
         */
        'last-event-id'?: string;
      };
      path: {
        /**
         * @description Id of a batch
         * @example batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['BatchId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The events; the schema is that of their `data` */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/event-stream': components['schemas']['BatchEventData'];
        };
      };
      /** @description The batch has ended, and the client has its last event */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  listBatchItems: {
    parameters: {
      query?: {
        /** @description `next_cursor` of the previous page; repeat the other parameters of that page with it */
        cursor?: components['parameters']['Cursor'];
        /** @description Largest number of items in the page */
        limit?: components['parameters']['Limit'];
        /** @description Only records in one of these states, separated by commas or repeated */
        state?: components['parameters']['State'];
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a batch
         * @example batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['BatchId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page of items */
      200: {
        headers: {
          link: components['headers']['Link'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['BatchItemList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  listBatchResults: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a batch
         * @example batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['BatchId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Lines of JSON */
      200: {
        headers: {
          /** @description Number of items of the batch; the `index` of the last line is one less */
          'x-item-count'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/x-ndjson': components['schemas']['BatchResultLine'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  retryBatch: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description Id of a batch
         * @example batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['BatchId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The batch has ended: while the client waited, or immediately because all its work was already done or no item could be tried */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Batch'];
        };
      };
      /** @description The batch is stored durably */
      202: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Batch'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  createBatchFromLines: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description SHA-256 or SHA-512 of the whole body, boundaries included (RFC 9530), checked while it arrives. Headers of single parts are ignored. */
        'content-digest'?: components['parameters']['ContentDigest'];
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
        /**
         * @description `wait=N` (RFC 7240) waits up to N seconds, at most 55, until the job, the batch or the squeeze has ended. If it has not ended by then, the response is the same as without `wait`.
         * @example wait=30
         */
        prefer?: components['parameters']['Prefer'];
        /** @description The same as Content-Digest, because the body is its own representation */
        'repr-digest'?: components['parameters']['ReprDigest'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/x-ndjson': Blob;
      };
    };
    responses: {
      /** @description The batch has ended: while the client waited, or immediately because all its work was already done or no item could be tried */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Batch'];
        };
      };
      /** @description The batch is stored durably */
      202: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Batch'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  getCaller: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The caller, as the service knows it */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Caller'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getCapabilities: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description ETag of the client's copy */
        'if-none-match'?: components['parameters']['IfNoneMatch'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The capabilities */
      200: {
        headers: {
          /** @description Digest of the response */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Capabilities'];
        };
      };
      304: components['responses']['NotModified'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  listConnections: {
    parameters: {
      query?: {
        /** @description `next_cursor` of the previous page; repeat the other parameters of that page with it */
        cursor?: components['parameters']['Cursor'];
        kind?: 's3' | 'hub' | 'url';
        /** @description Largest number of items in the page */
        limit?: components['parameters']['Limit'];
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page */
      200: {
        headers: {
          link: components['headers']['Link'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ConnectionList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  createConnection: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['ConnectionRequest'];
      };
    };
    responses: {
      /** @description The connection, without its credentials */
      201: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Connection'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  getConnection: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Name of a connection: lower-case letters, digits and hyphens, no hyphen at either end
         * @example models
         */
        name: components['parameters']['ConnectionName'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The connection, without its credentials */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Connection'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  deleteConnection: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Name of a connection: lower-case letters, digits and hyphens, no hyphen at either end
         * @example models
         */
        name: components['parameters']['ConnectionName'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      204: components['responses']['NoContent'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  updateConnection: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Name of a connection: lower-case letters, digits and hyphens, no hyphen at either end
         * @example models
         */
        name: components['parameters']['ConnectionName'];
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['ConnectionChange'];
      };
    };
    responses: {
      /** @description The changed connection */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Connection'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  streamEvents: {
    parameters: {
      query?: {
        /** @description Events of this batch and of its jobs */
        batch_id?: string;
        /** @description Events of this job */
        job_id?: string;
        /**
         * @description A label that the job or batch had at that time, as `name:value`; repeat it to require several labels
         * @example [
         *       "team:search"
         *     ]
         */
        label?: string[];
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
        /** @description Only events of these types, separated by commas or repeated. Default: all */
        types?: (
          | 'job.queued'
          | 'job.started'
          | 'job.succeeded'
          | 'job.partial'
          | 'job.failed'
          | 'job.cancelled'
          | 'batch.ended'
          | 'job.progress'
        )[];
      };
      header?: {
        /**
         * @description Id of the last received event; browsers send it automatically
         * @example 1795557063480000
         */
        'last-event-id'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The events; the schema is that of their `data` */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/event-stream': components['schemas']['StreamEventData'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  listJobs: {
    parameters: {
      query?: {
        /** @description Jobs that read this adapter */
        adapter_id?: string;
        /** @description Jobs of this batch */
        batch_id?: string;
        /** @description Only records created later than this; a date without a time means midnight in UTC */
        created_after?: components['parameters']['CreatedAfter'];
        /** @description Only records created earlier than this; a date without a time means midnight in UTC */
        created_before?: components['parameters']['CreatedBefore'];
        /** @description `next_cursor` of the previous page; repeat the other parameters of that page with it */
        cursor?: components['parameters']['Cursor'];
        kind?: 'squeeze' | 'analyze' | 'merge' | 'checkpoint' | 'import' | 'export';
        /**
         * @description A required label, as `name:value`; repeat it to require several labels
         * @example [
         *       "team:search"
         *     ]
         */
        label?: components['parameters']['Label'];
        /** @description Largest number of items in the page */
        limit?: components['parameters']['Limit'];
        /** @description The beginning of the name */
        name?: components['parameters']['Name'];
        /** @description Only records in one of these states, separated by commas or repeated */
        state?: components['parameters']['State'];
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page */
      200: {
        headers: {
          link: components['headers']['Link'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['JobList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  createJob: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
        /**
         * @description `wait=N` (RFC 7240) waits up to N seconds, at most 55, until the job, the batch or the squeeze has ended. If it has not ended by then, the response is the same as without `wait`.
         * @example wait=30
         */
        prefer?: components['parameters']['Prefer'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['JobRequest'];
      };
    };
    responses: {
      /** @description The job has ended: while the client waited, or immediately because its work was already done (`reused`). Or the forecast of a dry run, without a location */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      /** @description The job is stored durably */
      202: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      410: components['responses']['Gone'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  getJob: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description ETag of the client's copy */
        'if-none-match'?: components['parameters']['IfNoneMatch'];
        /**
         * @description `wait=N` (RFC 7240) waits up to N seconds, at most 55, until the job, the batch or the squeeze has ended. If it has not ended by then, the response is the same as without `wait`.
         * @example wait=30
         */
        prefer?: components['parameters']['Prefer'];
      };
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The job; if it has ended, with an ETag */
      200: {
        headers: {
          /** @description ETag of a job that has ended */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      /** @description The job has ended, and the client's copy is current */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  deleteJob: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      204: components['responses']['NoContent'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  updateJob: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['JobPatch'];
      };
    };
    responses: {
      /** @description The job */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  listJobArtifacts: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description All artifacts */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['JobArtifactList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  downloadJobArtifact: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description ETag of the client's copy */
        'if-none-match'?: components['parameters']['IfNoneMatch'];
        /** @description Honour `Range` only if the file has this ETag */
        'if-range'?: components['parameters']['IfRange'];
        /** @description One byte range; if several are requested, the response is the whole file */
        range?: components['parameters']['Range'];
      };
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
        /**
         * @description Path of an artifact, as in the list; slashes may be written as %2F
         * @example results/0/adapter_model.safetensors
         */
        path: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The file */
      200: {
        headers: {
          'accept-ranges': components['headers']['AcceptRanges'];
          etag: components['headers']['Etag'];
          'repr-digest': components['headers']['ReprDigest'];
          [name: string]: unknown;
        };
        content: {
          'application/octet-stream': Blob;
        };
      };
      /** @description The requested part */
      206: {
        headers: {
          'accept-ranges': components['headers']['AcceptRanges'];
          'content-range': components['headers']['ContentRange'];
          etag: components['headers']['Etag'];
          'repr-digest': components['headers']['ReprDigest'];
          [name: string]: unknown;
        };
        content: {
          'application/octet-stream': Blob;
        };
      };
      304: components['responses']['NotModified'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      410: components['responses']['Gone'];
      416: components['responses']['RangeNotSatisfiable'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  cancelJob: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The cancelled job */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  retryJobDeliveries: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The job; its deliveries are pending again, which is stored durably */
      202: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  streamJobEvents: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Id of the last received event; browsers send it automatically
         * @example 1.3.120
         */
        'last-event-id'?: string;
      };
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The events; the schema is that of their `data` */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/event-stream': components['schemas']['JobEventData'];
        };
      };
      /** @description The job has ended, and the client has its last event */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getJobReport: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description ETag of the client's copy of the report */
        'if-none-match'?: string;
      };
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The report */
      200: {
        headers: {
          /** @description ETag of this form of the report */
          etag?: string;
          /** @description SHA-256 of this form of the report (RFC 9530) */
          'repr-digest'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Report'];
        };
      };
      304: components['responses']['NotModified'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getJobReportHtml: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description ETag of the client's copy of the report */
        'if-none-match'?: string;
      };
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The report */
      200: {
        headers: {
          /** @description ETag of this form of the report */
          etag?: string;
          /** @description SHA-256 of this form of the report (RFC 9530) */
          'repr-digest'?: string;
          [name: string]: unknown;
        };
        content: {
          'text/html': string;
        };
      };
      304: components['responses']['NotModified'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getJobReportPng: {
    parameters: {
      query?: {
        /** @description The figure; `difference` shows in which of the first two results each module has the lower error */
        figure?: components['parameters']['Figure'];
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description ETag of the client's copy of the report */
        'if-none-match'?: string;
      };
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The report */
      200: {
        headers: {
          /** @description ETag of this form of the report */
          etag?: string;
          /** @description SHA-256 of this form of the report (RFC 9530) */
          'repr-digest'?: string;
          [name: string]: unknown;
        };
        content: {
          'image/png': Blob;
        };
      };
      304: components['responses']['NotModified'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getJobReportSvg: {
    parameters: {
      query?: {
        /** @description The figure; `difference` shows in which of the first two results each module has the lower error */
        figure?: components['parameters']['Figure'];
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description ETag of the client's copy of the report */
        'if-none-match'?: string;
      };
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The report */
      200: {
        headers: {
          /** @description ETag of this form of the report */
          etag?: string;
          /** @description SHA-256 of this form of the report (RFC 9530) */
          'repr-digest'?: string;
          [name: string]: unknown;
        };
        content: {
          'image/svg+xml': string;
        };
      };
      304: components['responses']['NotModified'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  retryJob: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['JobId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The new job, which is stored durably */
      202: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      410: components['responses']['Gone'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  listKeys: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The keys, without the secret texts */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['KeyList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  createKey: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['KeyRequest'];
      };
    };
    responses: {
      /** @description The key, which is shown only this once */
      201: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['NewKey'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  deleteKey: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a key
         * @example key_5f0c2a9b7e31
         */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Revoked */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  listRuns: {
    parameters: {
      query?: {
        /** @description The base model, as the run or its newest checkpoint names it */
        base_model?: string;
        /** @description Only records created later than this; a date without a time means midnight in UTC */
        created_after?: components['parameters']['CreatedAfter'];
        /** @description Only records created earlier than this; a date without a time means midnight in UTC */
        created_before?: components['parameters']['CreatedBefore'];
        /** @description `next_cursor` of the previous page; repeat the other parameters of that page with it */
        cursor?: components['parameters']['Cursor'];
        /** @description Largest number of items in the page */
        limit?: components['parameters']['Limit'];
        mode?: 'scheduled' | 'adaptive';
        /** @description The beginning of the name */
        name?: components['parameters']['Name'];
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page */
      200: {
        headers: {
          link: components['headers']['Link'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['RunList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  createRun: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['RunRequest'];
      };
    };
    responses: {
      /** @description A dry run: the run as it would be */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Run'];
        };
      };
      /** @description The run */
      201: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Run'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  getRun: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a run
         * @example run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['RunId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The run */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Run'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  deleteRun: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a run
         * @example run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['RunId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      204: components['responses']['NoContent'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  updateRun: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a run
         * @example run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['RunId'];
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['RunPatch'];
      };
    };
    responses: {
      /** @description The run */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Run'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  createCheckpoint: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description SHA-256 or SHA-512 of the whole body, boundaries included (RFC 9530), checked while it arrives. Headers of single parts are ignored. */
        'content-digest'?: components['parameters']['ContentDigest'];
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
        /**
         * @description `wait=N` (RFC 7240) waits up to N seconds, at most 55, until the job, the batch or the squeeze has ended. If it has not ended by then, the response is the same as without `wait`.
         * @example wait=30
         */
        prefer?: components['parameters']['Prefer'];
        /** @description The same as Content-Digest, because the body is its own representation */
        'repr-digest'?: components['parameters']['ReprDigest'];
      };
      path: {
        /**
         * @description Id of a run
         * @example run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['RunId'];
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'multipart/form-data': {
          /**
           * Format: binary
           * @description The configuration that PEFT writes next to the weights
           */
          'adapter_config.json': Blob;
          /**
           * Format: binary
           * @description The weights: safetensors
           */
          'adapter_model.safetensors': Blob;
          /** @description The training loss at this step, as a decimal number. It is kept with the checkpoint for charts and affects no decision */
          loss?: number;
          /**
           * Format: binary
           * @description The moments of the optimizer: safetensors, each tensor named after its factor, followed by a dot and `exp_avg`, `exp_avg_sq`, `max_exp_avg_sq` or `momentum_buffer`
           */
          'optimizer.safetensors'?: Blob;
          /**
           * @description This checkpoint replaces all checkpoints of its step and later ones: send it when the training was resumed from an earlier state
           * @default false
           */
          rewind?: boolean;
          /** @description Optimizer steps done */
          step: number;
        };
      };
    };
    responses: {
      /** @description The decision is keep, or the squeeze ended while the client waited */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Checkpoint'];
        };
      };
      /** @description The checkpoint is stored durably and is being squeezed */
      202: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Checkpoint'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  getCheckpoint: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a run
         * @example run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['RunId'];
        /** @description Step of the checkpoint */
        step: number;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The checkpoint */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Checkpoint'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  planSchedule: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['ScheduleRequest'];
      };
    };
    responses: {
      /** @description The schedule */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Schedule'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  rotateSecrets: {
    parameters: {
      query?: {
        /** @description The `next` of the previous response, from which this call continues */
        after?: string;
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The outcome */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['KeyRotation'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  squeezeAdapter: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description SHA-256 or SHA-512 of the whole body, boundaries included (RFC 9530), checked while it arrives. Headers of single parts are ignored. */
        'content-digest'?: components['parameters']['ContentDigest'];
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
        /**
         * @description `wait=N` (RFC 7240) waits up to N seconds, at most 55, until the job, the batch or the squeeze has ended. If it has not ended by then, the response is the same as without `wait`.
         * @example wait=30
         */
        prefer?: components['parameters']['Prefer'];
        /** @description The same as Content-Digest, because the body is its own representation */
        'repr-digest'?: components['parameters']['ReprDigest'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'multipart/form-data': {
          /**
           * Format: binary
           * @description The configuration that PEFT and MLX write; other formats have none
           */
          'adapter_config.json'?: Blob;
          /**
           * Format: binary
           * @description The weights, safetensors or GGUF. They may also be a part named `weights`, or any part with a filename that ends in .safetensors or .gguf. Exactly one file of weights is required, or all of `…-00001-of-0000N.safetensors`, with or without their `….safetensors.index.json`
           */
          'adapter_model.safetensors'?: Blob;
          /**
           * Format: binary
           * @description Another name for `adapter_config.json`
           */
          config?: Blob;
          /**
           * Format: binary
           * @description The model card, from which the license is read
           */
          'README.md'?: Blob;
          request: components['schemas']['SqueezeRequest'];
          /**
           * Format: binary
           * @description Another name for `adapter_model.safetensors`
           */
          weights?: Blob;
        };
      };
    };
    responses: {
      /** @description The job has ended: while the client waited, or immediately because its work was already done (`reused`) */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      /** @description The job is stored durably */
      202: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      410: components['responses']['Gone'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  listTenants: {
    parameters: {
      query?: {
        /** @description `next_cursor` of the previous page; repeat the other parameters of that page with it */
        cursor?: components['parameters']['Cursor'];
        /** @description Largest number of items in the page */
        limit?: components['parameters']['Limit'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page */
      200: {
        headers: {
          link: components['headers']['Link'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['TenantList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getTenant: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /**
         * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
         * @example team-a
         */
        id: components['parameters']['TenantId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The tenant */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['TenantWithUsage'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  putTenant: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /**
         * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
         * @example team-a
         */
        id: components['parameters']['TenantId'];
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['TenantRequest'];
      };
    };
    responses: {
      /** @description The changed tenant */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Tenant'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  deleteTenant: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /**
         * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
         * @example team-a
         */
        id: components['parameters']['TenantId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The tenant, which is being deleted */
      202: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Tenant'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  cancelTenant: {
    parameters: {
      query?: never;
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
         * @example team-a
         */
        id: components['parameters']['TenantId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description What was cancelled */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['TenantCancellation'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  resumeTenant: {
    parameters: {
      query?: never;
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
         * @example team-a
         */
        id: components['parameters']['TenantId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The changed tenant */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Tenant'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  suspendTenant: {
    parameters: {
      query?: never;
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end
         * @example team-a
         */
        id: components['parameters']['TenantId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The changed tenant */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Tenant'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  listUploads: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The uploads */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['UploadList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  createUpload: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description SHA-256 or SHA-512 of the whole body, boundaries included (RFC 9530), checked while it arrives. Headers of single parts are ignored. */
        'content-digest'?: components['parameters']['ContentDigest'];
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
        /** @description The same as Content-Digest, because the body is its own representation */
        'repr-digest'?: components['parameters']['ReprDigest'];
        /**
         * @description Version of the protocol
         * @example 1.0.0
         */
        'tus-resumable'?: components['parameters']['TusResumable'];
        /** @description `1`: a later PATCH announces the size */
        'upload-defer-length'?: string;
        /** @description Bytes of the whole file */
        'upload-length'?: string;
        /**
         * @description Names, each with its value in Base64; `filename` is required
         * @example filename YWRhcHRlcl9tb2RlbC5zYWZldGVuc29ycw==
         */
        'upload-metadata'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The upload was created */
      201: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          'tus-resumable': components['headers']['TusResumable'];
          'upload-expires': components['headers']['UploadExpires'];
          'upload-offset': components['headers']['UploadOffset'];
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      410: components['responses']['Gone'];
      412: components['responses']['PreconditionFailed'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      423: components['responses']['Locked'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  getUploadOptions: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The headers name the version and the extensions */
      204: {
        headers: {
          /** @description Extensions of the protocol */
          'tus-extension'?: string;
          /** @description Bytes of the largest file */
          'tus-max-size'?: string;
          'tus-resumable': components['headers']['TusResumable'];
          /** @description Versions of the protocol */
          'tus-version'?: string;
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  getUpload: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of an upload
         * @example up_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['UploadId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The upload */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Upload'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      410: components['responses']['Gone'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  putUpload: {
    parameters: {
      query?: {
        /**
         * @description The file of an adapter: weights under any name that ends in .safetensors or .gguf, or adapter_config.json
         * @example adapter_model.safetensors
         */
        filename?: string;
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description SHA-256 or SHA-512 of the whole body, boundaries included (RFC 9530), checked while it arrives. Headers of single parts are ignored. */
        'content-digest'?: components['parameters']['ContentDigest'];
        /** @description The same as Content-Digest, because the body is its own representation */
        'repr-digest'?: components['parameters']['ReprDigest'];
      };
      path: {
        /**
         * @description 8 to 64 letters, digits, underscores and hyphens
         * @example up_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/octet-stream': Blob;
      };
    };
    responses: {
      /** @description Replaced */
      200: {
        headers: {
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Upload'];
        };
      };
      /** @description Stored */
      201: {
        headers: {
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Upload'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      423: components['responses']['Locked'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  deleteUpload: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Version of the protocol
         * @example 1.0.0
         */
        'tus-resumable'?: components['parameters']['TusResumable'];
      };
      path: {
        /**
         * @description Id of an upload
         * @example up_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['UploadId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Removed */
      204: {
        headers: {
          'tus-resumable': components['headers']['TusResumable'];
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      410: components['responses']['Gone'];
      412: components['responses']['PreconditionFailed'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      423: components['responses']['Locked'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  getUploadOffset: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Version of the protocol
         * @example 1.0.0
         */
        'tus-resumable'?: components['parameters']['TusResumable'];
      };
      path: {
        /**
         * @description Id of an upload
         * @example up_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['UploadId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The headers have the state of the upload */
      200: {
        headers: {
          'tus-resumable': components['headers']['TusResumable'];
          /** @description `1` if the size is not known yet */
          'upload-defer-length'?: string;
          /** @description Bytes of the whole file, if known */
          'upload-length'?: string;
          /** @description The metadata that was sent */
          'upload-metadata'?: string;
          'upload-offset': components['headers']['UploadOffset'];
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      410: components['responses']['Gone'];
      412: components['responses']['PreconditionFailed'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      423: components['responses']['Locked'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  appendUpload: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /** @description SHA-256 or SHA-512 of the whole body, boundaries included (RFC 9530), checked while it arrives. Headers of single parts are ignored. */
        'content-digest'?: components['parameters']['ContentDigest'];
        /** @description The same as Content-Digest, because the body is its own representation */
        'repr-digest'?: components['parameters']['ReprDigest'];
        /**
         * @description Version of the protocol
         * @example 1.0.0
         */
        'tus-resumable'?: components['parameters']['TusResumable'];
        /** @description Bytes of the whole file, if they were not announced before */
        'upload-length'?: string;
        /** @description Position of these bytes: the number of bytes received so far */
        'upload-offset'?: string;
      };
      path: {
        /**
         * @description Id of an upload
         * @example up_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['UploadId'];
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/offset+octet-stream': Blob;
      };
    };
    responses: {
      /** @description The bytes are stored durably */
      204: {
        headers: {
          'tus-resumable': components['headers']['TusResumable'];
          'upload-expires': components['headers']['UploadExpires'];
          'upload-offset': components['headers']['UploadOffset'];
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      410: components['responses']['Gone'];
      412: components['responses']['PreconditionFailed'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      423: components['responses']['Locked'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  getUsage: {
    parameters: {
      query?: {
        /** @description Number of days, including today */
        days?: number;
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The usage */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Usage'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  listWebhooks: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The webhooks, without their secrets */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['WebhookList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  createWebhook: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['WebhookRequest'];
      };
    };
    responses: {
      /** @description The webhook with its secret, which is shown only this once */
      201: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          location: components['headers']['Location'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['NewWebhook'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  getWebhook: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a webhook
         * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['WebhookId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The webhook, without its secret */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Webhook'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  deleteWebhook: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a webhook
         * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['WebhookId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      204: components['responses']['NoContent'];
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  updateWebhook: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a webhook
         * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['WebhookId'];
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['WebhookChange'];
      };
    };
    responses: {
      /** @description The changed webhook */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Webhook'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  listWebhookDeliveries: {
    parameters: {
      query?: {
        /** @description `next_cursor` of the previous page; repeat the other parameters of that page with it */
        cursor?: components['parameters']['Cursor'];
        /** @description Largest number of items in the page */
        limit?: components['parameters']['Limit'];
        /** @description Only records in one of these states, separated by commas or repeated */
        state?: ('pending' | 'delivered' | 'failed')[];
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: never;
      path: {
        /**
         * @description Id of a webhook
         * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['WebhookId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page of deliveries */
      200: {
        headers: {
          link: components['headers']['Link'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['DeliveryList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  retryWebhookDelivery: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description Id of the delivery, which is the header `webhook-id` of all its requests
         * @example msg_019ac7e100d14f9a1c0e8b7d6a5f4e3d
         */
        delivery: string;
        /**
         * @description Id of a webhook
         * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['WebhookId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The delivery */
      202: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Delivery'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  rotateWebhookSecret: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description Id of a webhook
         * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['WebhookId'];
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['SecretRotation'];
      };
    };
    responses: {
      /** @description The new secret, which is shown only this once */
      200: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['RotatedSecret'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  testWebhook: {
    parameters: {
      query?: {
        /**
         * @description The tenant to whose records the call applies. A tenant other than that of the key requires the scope `admin`. Default: the tenant of the key
         * @example team-a
         */
        tenant?: components['parameters']['TenantQuery'];
      };
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description Id of a webhook
         * @example wh_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: components['parameters']['WebhookId'];
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The delivery */
      202: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Delivery'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  listWorkers: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The live workers, by machine */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['WorkerList'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      408: components['responses']['RequestTimeout'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
    };
  };
  drainWorker: {
    parameters: {
      query?: never;
      header?: {
        /**
         * @description Makes it safe to repeat the request: requests with the same key take effect once, and repetitions get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours (draft-ietf-httpapi-idempotency-key-header)
         * @example 8e03978e-40d5-43e8-bc93-6894a57f9324
         */
        'idempotency-key'?: components['parameters']['IdempotencyKey'];
      };
      path: {
        /**
         * @description Id of a worker
         * @example 2f1c5a1e-6b0d-4c1b-9d0a-0a4a7f3c2b11
         */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The worker */
      202: {
        headers: {
          'idempotent-replayed': components['headers']['IdempotentReplayed'];
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Worker'];
        };
      };
      400: components['responses']['BadRequest'];
      401: components['responses']['Unauthorized'];
      403: components['responses']['Forbidden'];
      404: components['responses']['NotFound'];
      408: components['responses']['RequestTimeout'];
      409: components['responses']['Conflict'];
      413: components['responses']['PayloadTooLarge'];
      415: components['responses']['UnsupportedMediaType'];
      421: components['responses']['MisdirectedRequest'];
      422: components['responses']['UnprocessableEntity'];
      429: components['responses']['TooManyRequests'];
      500: components['responses']['InternalServerError'];
      503: components['responses']['ServiceUnavailable'];
      507: components['responses']['InsufficientStorage'];
    };
  };
  receiveEvent: {
    parameters: {
      query?: never;
      header: {
        /** @description Id of the delivery: the same at every attempt, so that repetitions can be recognised */
        'webhook-id': string;
        /** @description One or two signatures, separated by a space: each is `v1,` and an HMAC-SHA256 in base64 */
        'webhook-signature': string;
        /** @description When the attempt was made, in seconds since 1970 */
        'webhook-timestamp': string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['WebhookEvent'];
      };
    };
    responses: {
      /** @description Delivered */
      '2XX': {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description The receiver wants no more events: the webhook is disabled */
      410: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description The receiver is busy: `Retry-After` is respected, up to a day. 503 has the same meaning. */
      429: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
}
