// Made from openapi.yaml by `npm run client`: every path, body and answer of the service as types.

export interface paths {
  '/livez': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Whether the process is alive */
    get: operations['livez'];
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
    /** Metrics for Prometheus */
    get: operations['metrics'];
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
    /** This contract */
    get: operations['openapi'];
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
    /** Whether the service can take work */
    get: operations['readyz'];
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
    get?: never;
    put?: never;
    /**
     * Upload an adapter
     * @description Takes the two files of a PEFT adapter, in any order. A part is recognised by its name or, failing that, by its filename (`curl -F files=@adapter_config.json -F files=@adapter_model.safetensors`). The files are checked while they arrive. Ids are derived from the content: the same files have the same id.
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
    /** An adapter */
    get: operations['getAdapter'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
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
     * All files of an adapter as a zip
     * @description The files are stored uncompressed under their names. The same adapter gives the same bytes.
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
    /** A file of an adapter */
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
    /** The modules of an adapter: shape, rank and scale of each */
    get: operations['getAdapterModules'];
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
    get?: never;
    put?: never;
    /**
     * Squeeze, analyze or merge adapters
     * @description `kind` says which. `squeeze` brings one adapter to each target. `analyze` writes nothing: the report says what every rank would lose and recommends some. `merge` sums up to 32 adapters on one base, of any ranks, with weights, and brings the sum to each target.
     */
    post: operations['submitJob'];
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
    /** A job: state, progress, results */
    get: operations['getJob'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/jobs/{id}/files/{name}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * A file that a job wrote beside its adapters
     * @description For going on with training: `projections.safetensors`, and `optimizer.safetensors` where moments were carried or reset. They are listed in `training.files` of the job’s results.
     */
    get: operations['downloadJobFile'];
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
    /** The report of a job: spectra, and how close each result is, module by module */
    get: operations['getReport'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/profiles': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Where adapters can be made for, and the rules there */
    get: operations['listProfiles'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/profiles/{name}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A profile: what a place takes, and where that was read */
    get: operations['getProfile'];
    put?: never;
    post?: never;
    delete?: never;
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
    get?: never;
    put?: never;
    /**
     * Begin an annealing: a training whose rank falls on the way
     * @description By a schedule, or adaptively by what the spectrum allows. The trainer then sends checkpoints and goes on with the adapters it gets back.
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
    /** A run: where it stands, and all its checkpoints */
    get: operations['getRun'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
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
     * Send a checkpoint, and learn what to go on with
     * @description Answers `keep` (nothing to do), or squeezes the checkpoint as a job. Sending the same checkpoint again, also at the same time, gives the same answer; a failed one is tried again. The parts may come in any order.
     */
    post: operations['sendCheckpoint'];
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
     * A checkpoint: the decision, and what became of it
     * @description Of several checkpoints of one step, after a rewind or a failure, the newest.
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
     * Plan how the rank falls while training goes on
     * @description Ranks of the stages, when to squeeze, and what every stage trains and takes. Nothing is stored: the same request gives the same schedule.
     */
    post: operations['planSchedule'];
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
     * Upload an adapter and squeeze it, in one call
     * @description The files as for uploading an adapter, and a part `request` with what to do, in any order. The adapter is kept like any other.
     */
    post: operations['squeeze'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    /**
     * @example {
     *       "id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
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
     *       "created_at": "2026-11-24T21:50:10.000Z"
     *     }
     */
    Adapter: {
      /** @description lora_alpha of the configuration */
      alpha: number;
      base_model: string | null;
      /** @description Size of all files together */
      bytes: number;
      /** Format: date-time */
      created_at: string;
      /** @description dtypes of the LoRA factors */
      dtypes: string[];
      files: components['schemas']['AdapterFile'][];
      /** @enum {string} */
      format: 'peft';
      /** @description Content-addressed: the same files have the same id */
      id: string;
      /** @description The job that first produced it */
      job_id: string | null;
      /** @description Number of LoRA pairs */
      modules: number;
      /** @description Parameters in the LoRA factors */
      parameters: number;
      /** @description The adapter this one was made from; null for uploads and for sums of several */
      parent_id: string | null;
      /** @description Tensors that are not part of a LoRA pair */
      passthrough_tensors: number;
      /** @description Smallest and largest rank over the modules */
      ranks: {
        max: number;
        min: number;
      };
      /** @description SHA-256 of the weights file, hex */
      sha256: string;
      warnings: string[];
    };
    AdapterFile: {
      bytes: number;
      /** @example adapter_model.safetensors */
      name: string;
      /** @description SHA-256 of the content, hex */
      sha256: string;
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
    Analysis: {
      budget: {
        bytes: number;
        parameters: number;
        rank: {
          max: number;
          min: number;
        };
        reason: string;
        relative_error: number;
        /** @description A target to send with a squeeze */
        target: unknown;
      };
      /** @description Every uniform rank from 1 to the largest of the source */
      curve: {
        /** @description Size of the factors in the dtypes of the source */
        bytes: number;
        parameters: number;
        rank: number;
        /** @description Least possible, over all modules */
        relative_error: number;
        /** @description Least possible of the module that suffers most */
        worst_module_error: number;
      }[];
      modules: {
        /** @description exp of the entropy of σ/Σσ (Roy & Vetterli 2007): how many directions the module really uses */
        effective_rank: number;
        /** @description The rank where the spectrum bends */
        knee: number;
        name: string;
        /** @description Σσ² / σ₁² */
        stable_rank: number;
        /** @description dead: the update is zero or next to it. resists: no rank much below its own keeps its energy */
        verdict: 'compressible' | 'resists' | 'dead';
      }[];
      uniform: {
        bytes: number;
        parameters: number;
        rank: {
          max: number;
          min: number;
        };
        reason: string;
        relative_error: number;
        /** @description A target to send with a squeeze */
        target: unknown;
      };
    };
    /** @description Spectra, curves and recommendations; writes no adapter */
    AnalyzeJobRequest: {
      adapter_id: string;
      /** @enum {string} */
      kind: 'analyze';
    };
    /**
     * @example {
     *       "run_id": "run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "step": 1000,
     *       "decision": "squeeze",
     *       "reason": "Stage 2 of 3 (rank 32) began at step 1000.",
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
     *           "href": "/v1/jobs/job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d/files/projections.safetensors"
     *         },
     *         {
     *           "name": "optimizer.safetensors",
     *           "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *           "bytes": 319930824,
     *           "href": "/v1/jobs/job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d/files/optimizer.safetensors"
     *         }
     *       ],
     *       "job_id": "job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *       "superseded": false,
     *       "next_checkpoint_step": 2000,
     *       "error": null,
     *       "created_at": "2026-11-24T21:51:00.000Z"
     *     }
     */
    Checkpoint: {
      /** @description The adapter to go on with; null until the squeeze is done. For keep: the source, which the trainer has; it is not stored unless it was looked at in a job. */
      adapter_id: string | null;
      /** Format: date-time */
      created_at: string;
      /** @description keep: nothing to squeeze now, go on with what you have. A squeeze by the spectrum that finds nothing to squeeze ends as keep. */
      decision: 'squeeze' | 'keep';
      energy_retained: number | null;
      error: components['schemas']['JobFailure'] | null;
      /** @description Weights, configuration, projections.safetensors and, where moments came along, optimizer.safetensors. Empty for keep, and until the squeeze is done. */
      files: {
        bytes: number;
        /** @description Path to download it from */
        href: string;
        /** @example adapter_model.safetensors */
        name: string;
        /** @description SHA-256 of the content, hex */
        sha256: string;
      }[];
      /** @description null for keep */
      job_id: string | null;
      /** @description Steps after the scheduled one */
      late_by_steps: number;
      /** @description When to send the next checkpoint; null: train on to the end. Of a failed one: its own step, to send it again. */
      next_checkpoint_step: number | null;
      /** @description null until the squeeze is done */
      rank_after: {
        max: number;
        min: number;
      } | null;
      /** @description Smallest and largest rank over the modules */
      rank_before: {
        max: number;
        min: number;
      };
      /** @description Why, in words */
      reason: string;
      relative_error: number | null;
      run_id: string;
      /** @description The checkpoint as it was sent */
      source_adapter_id: string;
      /** @description Of its job; succeeded for keep */
      state: 'queued' | 'active' | 'succeeded' | 'failed' | 'cancelled';
      /** @description Optimizer steps done */
      step: number;
      /** @description Another one took its place: the run was rewound to this step or before, or it had failed and was sent again */
      superseded: boolean;
      training: {
        /** @description Hint: the learning rate times this keeps the size of a step in ΔW, for optimizers whose steps have a size of their own, such as Adam. s·√Σ(m‖A‖² + n‖B‖²) before, divided by the same after. */
        learning_rate_factor: number;
        /** @description What became of the moments; none: none were sent */
        optimizer: 'carried' | 'reset' | 'none';
        /** @description Directions that got a random A */
        revived_directions: number;
      } | null;
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
     *       "request": {
     *         "kind": "squeeze",
     *         "adapter_id": "ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *         "targets": [
     *           {
     *             "rank": 16
     *           }
     *         ]
     *       },
     *       "results": [
     *         {
     *           "target": {
     *             "rank": 16
     *           },
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
     *           "worst_module": {
     *             "name": "model.layers.31.mlp.down_proj",
     *             "relative_error": 0.1377
     *           },
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
      /** @description Attempts started */
      attempts: number;
      /** Format: date-time */
      created_at: string;
      error: components['schemas']['JobFailure'] | null;
      finished_at: string | null;
      id: string;
      kind: 'squeeze' | 'analyze' | 'merge' | 'checkpoint';
      progress: components['schemas']['Progress'];
      provider: components['schemas']['ProviderInfo'] | null;
      request:
        | components['schemas']['SqueezeJobRequest']
        | components['schemas']['AnalyzeJobRequest']
        | components['schemas']['MergeJobRequest']
        | {
            adapter_id: string;
            /** @enum {string} */
            kind: 'checkpoint';
            optimizer: {
              mode: 'carry' | 'reset';
              /** @description Content of the moments that came with the checkpoint */
              sha256: string;
            } | null;
            options?: components['schemas']['SqueezeOptions'];
            run_id: string;
            step: number;
            targets: components['schemas']['Target'][];
          };
      results: components['schemas']['JobResult'][];
      started_at: string | null;
      state: 'queued' | 'active' | 'succeeded' | 'failed' | 'cancelled';
      timings: components['schemas']['Timings'] | null;
    };
    JobFailure: {
      code: string;
      context?: {
        [key: string]: unknown;
      };
      detail: string;
      retryable: boolean;
      title: string;
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
     */
    JobRequest:
      | components['schemas']['SqueezeJobRequest']
      | components['schemas']['AnalyzeJobRequest']
      | components['schemas']['MergeJobRequest'];
    JobResult: {
      /** @description The squeezed adapter (the source itself when nothing had to change) */
      adapter_id: string;
      /** @description Size of the weights file */
      bytes: number;
      /** @description 1 − relative_error² */
      energy_retained: number;
      /** @enum {string} */
      format: 'peft';
      /** @description Parameters in the LoRA factors */
      parameters: number;
      rank: {
        max: number;
        min: number;
      };
      /** @description ‖ΔW − ΔW′‖_F / ‖ΔW‖_F over all modules, of the written file */
      relative_error: number;
      /** @description Whether the result loads where its profile says; null without a profile */
      serving: components['schemas']['Verdict'] | null;
      target: components['schemas']['Target'];
      /** @description For going on with training; null where the target does not ask for projections */
      training: components['schemas']['TrainingNotes'] | null;
      warnings: string[];
      worst_module: {
        name: string;
        relative_error: number;
      } | null;
    };
    Liveness: {
      /** @enum {string} */
      status: 'alive';
      version: string;
    };
    /** @description A weighted sum of adapters on one base, then squeezed */
    MergeJobRequest: {
      /** @enum {string} */
      kind: 'merge';
      options?: components['schemas']['SqueezeOptions'];
      sources: {
        adapter_id: string;
        /** @default 1 */
        weight?: number;
      }[];
      targets: components['schemas']['Target'][];
    };
    /**
     * @example {
     *       "type": "urn:lora-squeeze:problem:VALIDATION_FAILED",
     *       "title": "The request does not fit its schema",
     *       "status": 400,
     *       "detail": "targets[0].rank is 0 but must be at least 1.",
     *       "code": "VALIDATION_FAILED",
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
      /** @description What `detail` says, for programs */
      context?: {
        [key: string]: unknown;
      };
      /** @description This occurrence, with file, tensor, value and limit */
      detail: string;
      /** @description Every place where the request does not fit its schema */
      errors?: {
        detail: string;
        /** @description JSON pointer into the request */
        pointer: string;
      }[];
      /** @description `urn:lora-squeeze:request:` and the request id, as in the log */
      instance: string;
      status: number;
      /** @description The kind of problem, the same for every occurrence */
      title: string;
      /** @description `urn:lora-squeeze:problem:` and the code */
      type: string;
    };
    /**
     * @description A place where adapters are loaded
     * @example {
     *       "name": "vllm",
     *       "title": "vLLM",
     *       "sources": [
     *         {
     *           "what": "LoRAConfig: the values of --max-lora-rank and its default",
     *           "version": "v0.26",
     *           "url": "https://github.com/vllm-project/vllm/blob/main/vllm/config/lora.py"
     *         },
     *         {
     *           "what": "PEFTHelper: fields read, scale, what is refused",
     *           "version": "v0.26",
     *           "url": "https://github.com/vllm-project/vllm/blob/main/vllm/lora/peft_helper.py"
     *         },
     *         {
     *           "what": "LoRAModel: file names, tensor names; DoRA",
     *           "version": "v0.26",
     *           "url": "https://github.com/vllm-project/vllm/blob/main/vllm/lora/lora_model.py"
     *         },
     *         {
     *           "what": "PackedLoRALayerWeights.pack_moe: factors of experts are stacked",
     *           "version": "v0.26",
     *           "url": "https://github.com/vllm-project/vllm/blob/main/vllm/lora/lora_weights.py"
     *         },
     *         {
     *           "what": "modules_to_save of classifiers, in releases after this profile",
     *           "version": "merged after v0.26",
     *           "url": "https://github.com/vllm-project/vllm/pull/53555"
     *         }
     *       ],
     *       "max_rank": {
     *         "default": 16,
     *         "largest": 512,
     *         "steps": [
     *           1,
     *           8,
     *           16,
     *           32,
     *           64,
     *           128,
     *           256,
     *           320,
     *           512
     *         ],
     *         "setting": "--max-lora-rank"
     *       },
     *       "min_rank": 1,
     *       "allowed_ranks": null,
     *       "same_rank": "experts",
     *       "scale": {
     *         "formula": "config",
     *         "rslora": true
     *       },
     *       "patterns": "ignored",
     *       "dtypes": [
     *         "float32",
     *         "float16",
     *         "bfloat16"
     *       ],
     *       "module_kinds": [
     *         "linear",
     *         "embedding"
     *       ],
     *       "target_modules": null,
     *       "tensor_names": "suffix",
     *       "required_config": [
     *         {
     *           "field": "r",
     *           "values": null
     *         },
     *         {
     *           "field": "lora_alpha",
     *           "values": null
     *         },
     *         {
     *           "field": "target_modules",
     *           "values": null
     *         }
     *       ],
     *       "lacks": [
     *         {
     *           "feature": "dora",
     *           "effect": "refused",
     *           "detail": "vLLM does not load DoRA"
     *         },
     *         {
     *           "feature": "modules-to-save",
     *           "effect": "refused",
     *           "detail": "vLLM takes factors only; releases after v0.26 also take the heads \"score\" and \"classifier\""
     *         },
     *         {
     *           "feature": "bias",
     *           "effect": "refused",
     *           "detail": "vLLM takes bias \"none\" only"
     *         },
     *         {
     *           "feature": "lora-bias",
     *           "effect": "refused",
     *           "detail": "vLLM has no place for the bias of lora_B"
     *         }
     *       ],
     *       "files": [
     *         "adapter_model.safetensors",
     *         "adapter_config.json"
     *       ],
     *       "weights_bytes_below": null,
     *       "notes": [
     *         "Every adapter takes the memory of --max-lora-rank, whatever its own rank: squeeze to the value that is set, or set the lowest value that fits.",
     *         "Unequal ranks load, since tensors keep their own rank and a folded scale is 1 for all; they save no memory there.",
     *         "Which modules can have LoRA depends on the model; that is not judged."
     *       ]
     *     }
     */
    Profile: {
      /** @description The ranks that work; null: any */
      allowed_ranks: {
        /** @description Ascending */
        ranks: number[];
        /** @description What happens to others */
        reason: string;
      } | null;
      /** @description dtypes of the factors */
      dtypes: ('float32' | 'float16' | 'bfloat16')[];
      /** @description File names it looks for */
      files: string[];
      /** @description Features that do not work there */
      lacks: {
        detail: string;
        /** @description refused: the adapter does not load; ignored: it loads and does something else */
        effect: 'refused' | 'ignored';
        feature: 'dora' | 'modules-to-save' | 'bias' | 'lora-bias';
      }[];
      /** @description A target’s max_rank says what it is set to */
      max_rank: {
        /** @description The largest rank unless set otherwise; null: none */
        default: number | null;
        /** @description The largest it can be set to; null: no limit */
        largest: number | null;
        /** @description What sets it there; null: nothing */
        setting: string | null;
        /** @description The values the setting takes; null: any */
        steps: number[] | null;
      };
      min_rank: number;
      module_kinds: ('linear' | 'conv' | 'embedding')[];
      /**
       * @description What a target calls it
       * @example vllm
       */
      name: string;
      notes: string[];
      /** @description What happens to rank_pattern and alpha_pattern that change a value */
      patterns: 'read' | 'ignored' | 'refused';
      /** @description Fields that adapter_config.json has to have */
      required_config: {
        field: string;
        /** @description What it may be; null: anything but null */
        values: string[] | null;
      }[];
      /** @description Which modules have to share a rank: none; those that differ only in the expert; all */
      same_rank: 'none' | 'experts' | 'all';
      scale: {
        /** @description Where a module’s scale comes from: module: its own alpha and rank, as in PEFT; config: lora_alpha and r for all; tensor-rank: lora_alpha for all and the rank of the tensors; unstated: only scale 1 is safe */
        formula: 'module' | 'config' | 'tensor-rank' | 'unstated';
        /** @description use_rslora is honoured; false: it is ignored */
        rslora: boolean;
      };
      sources: {
        url: string;
        /** @description Release, commit or date it was read at */
        version: string;
        /** @description What was read there */
        what: string;
      }[];
      /** @description Last parts of module paths; null: those of the model */
      target_modules: string[] | null;
      /** @description peft: base_model.model.<path>.lora_A.weight; suffix: the prefix may lack; any: no rule is known */
      tensor_names: 'peft' | 'suffix' | 'any';
      title: string;
      /** @description The weights file has to be smaller */
      weights_bytes_below: number | null;
    };
    ProfileList: {
      profiles: components['schemas']['Profile'][];
    };
    Progress: {
      /** @description Modules finished in this phase */
      done: number;
      /** @description The module finished last */
      module: string | null;
      phase: 'waiting' | 'load' | 'gram' | 'core' | 'project' | 'write' | 'done';
      /** @description Modules of the adapter */
      total: number;
    };
    ProviderInfo: {
      /** @description Why "auto" did not take CUDA */
      fallback_reason: string | null;
      name: 'cpu' | 'cuda';
      /** @description Version of ONNX Runtime */
      onnxruntime: string;
      requested: 'auto' | 'cpu' | 'cuda';
      /** @description Compute threads */
      threads: number;
    };
    Readiness: {
      checks: {
        /** @enum {string} */
        queue: 'ok';
        /** @enum {string} */
        storage: 'ok';
      };
      /** @enum {string} */
      status: 'ready';
    };
    Report: {
      /** @description Of a job of kind analyze */
      analysis: components['schemas']['Analysis'] | null;
      /** Format: date-time */
      created_at: string;
      job_id: string;
      kind: 'squeeze' | 'analyze' | 'merge' | 'checkpoint';
      method: {
        oversampling: number;
        power_iterations: number | 'auto';
        requested: string;
        seed: number;
        /** @description "exact" also when the sketch would have covered the whole rank */
        used: string;
      };
      modules: {
        /** @description ‖ΔW‖_F² */
        energy: number;
        /** @description Share of the energy kept at rank 1, 2, … */
        energy_curve: number[];
        kind: string;
        name: string;
        /** @description Power iterations done (0 in exact mode) */
        power_iterations: number;
        /** @description Rank of the source */
        rank: number;
        scale: number;
        /** @description [m, n] of ΔW */
        shape: [number, number];
        /** @description Descending; all of them in exact mode, else the sketched ones */
        singular_values: number[];
      }[];
      /** @description Limits of what the numbers say */
      notes: string[];
      product: {
        name: string;
        version: string;
      };
      provider: components['schemas']['ProviderInfo'];
      /** @description The adapters the job read; one but in a merge */
      sources: {
        base_model: string | null;
        bytes: number;
        id: string;
        sha256: string;
        /** @description 1 but in a merge */
        weight: number;
      }[];
      targets: {
        adapter_id: string;
        energy_retained: number;
        modules: {
          energy_retained: number;
          name: string;
          /** @description The least any matrix of this rank could have; null where the spectrum is not known in full */
          optimal_error: number | null;
          /** @description The module already had this rank or less and was not changed */
          passthrough: boolean;
          /** @description The rank chosen */
          rank: number;
          /** @description ‖ΔW − ΔW′‖_F / ‖ΔW‖_F of the written factors, after rounding */
          relative_error: number;
        }[];
        relative_error: number;
        target: components['schemas']['Target'];
      }[];
      timings: components['schemas']['Timings'];
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
     *       "schedule": {
     *         "source_rank": 64,
     *         "target_rank": 16,
     *         "total_steps": 3000,
     *         "shape": "geometric",
     *         "stage_lengths": "equal",
     *         "warm_up_steps": 0,
     *         "final_steps": 0,
     *         "min_stage_steps": 200,
     *         "stages": [
     *           {
     *             "index": 0,
     *             "rank": 64,
     *             "begin_step": 0,
     *             "end_step": 1000,
     *             "steps": 1000,
     *             "parameters": null,
     *             "memory": null
     *           },
     *           {
     *             "index": 1,
     *             "rank": 32,
     *             "begin_step": 1000,
     *             "end_step": 2000,
     *             "steps": 1000,
     *             "parameters": null,
     *             "memory": null
     *           },
     *           {
     *             "index": 2,
     *             "rank": 16,
     *             "begin_step": 2000,
     *             "end_step": 3000,
     *             "steps": 1000,
     *             "parameters": null,
     *             "memory": null
     *           }
     *         ],
     *         "squeezes": [
     *           {
     *             "step": 1000,
     *             "from_rank": 64,
     *             "to_rank": 32
     *           },
     *           {
     *             "step": 2000,
     *             "from_rank": 32,
     *             "to_rank": 16
     *           }
     *         ],
     *         "mean_rank": 37.333333333333336,
     *         "relative_cost": 0.5833333333333334,
     *         "notes": []
     *       },
     *       "rank": {
     *         "min": 32,
     *         "max": 32
     *       },
     *       "step": 1000,
     *       "at_target": false,
     *       "next_checkpoint_step": 2000,
     *       "checkpoints": [
     *         {
     *           "run_id": "run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *           "step": 1000,
     *           "decision": "squeeze",
     *           "reason": "Stage 2 of 3 (rank 32) began at step 1000.",
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
     *               "href": "/v1/jobs/job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d/files/projections.safetensors"
     *             },
     *             {
     *               "name": "optimizer.safetensors",
     *               "sha256": "4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877",
     *               "bytes": 319930824,
     *               "href": "/v1/jobs/job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d/files/optimizer.safetensors"
     *             }
     *           ],
     *           "job_id": "job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d",
     *           "superseded": false,
     *           "next_checkpoint_step": 2000,
     *           "error": null,
     *           "created_at": "2026-11-24T21:51:00.000Z"
     *         }
     *       ],
     *       "created_at": "2026-11-24T21:50:00.000Z"
     *     }
     */
    Run: {
      /** @description The target rank is reached: no more squeezes */
      at_target: boolean;
      base_model: string | null;
      /** @description In the order they were accepted, superseded and failed ones included */
      checkpoints: components['schemas']['Checkpoint'][];
      /** Format: date-time */
      created_at: string;
      id: string;
      mode: 'scheduled' | 'adaptive';
      name: string | null;
      next_checkpoint_step: number | null;
      /** @description Smallest and largest rank over the modules */
      rank: {
        max: number;
        min: number;
      };
      request: components['schemas']['RunRequest'];
      /** @description null for adaptive runs */
      schedule: {
        final_steps: number;
        /** @description The rank, averaged over the steps */
        mean_rank: number;
        min_stage_steps: number;
        /** @description Where the schedule is not what was asked for, and why */
        notes: string[];
        /** @description mean_rank / source_rank: adapter parameters trained, against training at the source rank throughout */
        relative_cost: number;
        shape: string;
        source_rank: number;
        squeezes: {
          from_rank: number;
          /** @description Optimizer steps done at the squeeze */
          step: number;
          to_rank: number;
        }[];
        stage_lengths: string;
        stages: components['schemas']['Stage'][];
        target_rank: number;
        total_steps: number;
        warm_up_steps: number;
      } | null;
      /** @description Of the newest checkpoint */
      step: number | null;
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
    RunRequest:
      | {
          /**
           * @description What becomes of the scaling s = lora_alpha/r at each squeeze. keep: it stays, lora_alpha follows the rank. sqrt: it grows by √(r/k), as if s were α/√r. ΔW is the same either way.
           * @default keep
           */
          alpha?: 'keep' | 'sqrt';
          /** @description The base model; checkpoints that name another one are refused */
          base_model?: string;
          /** @description For people */
          name?: string;
          /**
           * @description carry: moments sent with a checkpoint come back in the new basis. reset: they come back as zeros.
           * @default carry
           */
          optimizer?: 'carry' | 'reset';
          options?: components['schemas']['SqueezeOptions'];
          /**
           * @description Directions of length zero get B = 0 and a random A, so that they can be trained; with both zero they never could
           * @default true
           */
          revive?: boolean;
          schedule: {
            /**
             * @description dtype of the trained factors and their gradients
             * @default float32
             */
            dtype?: 'float32' | 'float16' | 'bfloat16';
            /**
             * @description At least so many steps at the target rank after the last squeeze (Cont-Squeeze): a floor of the last stage
             * @default 0
             */
            final_steps?: number;
            /**
             * @description No stage is shorter (200 in the LoRA-Squeeze paper, arXiv 2602.10993)
             * @default 200
             */
            min_stage_steps?: number;
            /** @description Shapes of the adapted modules; without them parameters and memory are null */
            modules?: {
              /** @default 1 */
              count?: number;
              /** @description Columns of lora_A */
              in_features: number;
              /** @description Rows of lora_B */
              out_features: number;
            }[];
            /**
             * @description What the optimizer keeps for each parameter: 8 bytes (Adam, AdamW: two float32 moments), 2 (the same in 8 bits), 4 (SGD with float32 momentum) or none
             * @default adam
             */
            optimizer?: 'adam' | 'adam_8bit' | 'sgd_momentum' | 'sgd';
            /** @description For shape custom: the rank of every stage, falling, from source_rank to target_rank */
            ranks?: number[];
            /**
             * @description How ranks fall from stage to stage: by the same factor, by the same number, along half a cosine (slowly at both ends), or as `ranks` lists them
             * @default geometric
             */
            shape?: 'geometric' | 'linear' | 'cosine' | 'custom';
            /** @description The rank training starts at */
            source_rank: number;
            /**
             * @description Steps of the stages: all the same, or in proportion to their rank. A stage whose share is below its floor lasts as long as the floor, and the others share the rest. Steps that do not divide go to the largest remainders, earlier stages first.
             * @default equal
             */
            stage_lengths?: 'equal' | 'rank_proportional';
            /** @description Number of stages, both ends counted. Default: one for each halving of the rank, and the source; fewer where the steps do not suffice. A number given here is kept or refused; only ranks that would repeat, rounded to whole ones, make it less. Not for shape custom. */
            stages?: number;
            /** @description The rank training ends at */
            target_rank: number;
            /** @description Optimizer steps of the whole training */
            total_steps: number;
            /**
             * @description At least so many steps at the source rank before the first squeeze: a floor of the first stage, not steps on top of it
             * @default 0
             */
            warm_up_steps?: number;
          };
        }
      | {
          adaptive: {
            /**
             * @description How often the spectrum is looked at; never sooner than min_stage_steps after a squeeze
             * @default 200
             */
            check_every_steps?: number;
            /** @description Each squeeze goes to the smallest rank that keeps this share of Σσ². Or `tolerance`. */
            energy?: number;
            /**
             * @description At least so many steps at the target rank after the last squeeze (Cont-Squeeze): a floor of the last stage
             * @default 0
             */
            final_steps?: number;
            /**
             * @description No stage is shorter (200 in the LoRA-Squeeze paper, arXiv 2602.10993)
             * @default 200
             */
            min_stage_steps?: number;
            /** @description The rank training starts at */
            source_rank: number;
            /** @description The rank training ends at */
            target_rank: number;
            /** @description Each squeeze goes to the smallest rank with at most this relative error. Or `energy`. */
            tolerance?: number;
            /** @description Optimizer steps of the whole training */
            total_steps: number;
            /**
             * @description One rank for all modules; false: each its own
             * @default true
             */
            uniform?: boolean;
            /**
             * @description At least so many steps at the source rank before the first squeeze: a floor of the first stage, not steps on top of it
             * @default 0
             */
            warm_up_steps?: number;
          };
          /**
           * @description What becomes of the scaling s = lora_alpha/r at each squeeze. keep: it stays, lora_alpha follows the rank. sqrt: it grows by √(r/k), as if s were α/√r. ΔW is the same either way.
           * @default keep
           */
          alpha?: 'keep' | 'sqrt';
          /** @description The base model; checkpoints that name another one are refused */
          base_model?: string;
          /** @description For people */
          name?: string;
          /**
           * @description carry: moments sent with a checkpoint come back in the new basis. reset: they come back as zeros.
           * @default carry
           */
          optimizer?: 'carry' | 'reset';
          options?: components['schemas']['SqueezeOptions'];
          /**
           * @description Directions of length zero get B = 0 and a random A, so that they can be trained; with both zero they never could
           * @default true
           */
          revive?: boolean;
        };
    /**
     * @example {
     *       "source_rank": 64,
     *       "target_rank": 4,
     *       "total_steps": 4000,
     *       "shape": "geometric",
     *       "stage_lengths": "equal",
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
     *           "end_step": 1750,
     *           "steps": 750,
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
     *           "begin_step": 1750,
     *           "end_step": 2500,
     *           "steps": 750,
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
     *           "begin_step": 2500,
     *           "end_step": 3250,
     *           "steps": 750,
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
     *           "begin_step": 3250,
     *           "end_step": 4000,
     *           "steps": 750,
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
     *           "step": 1750,
     *           "from_rank": 32,
     *           "to_rank": 16
     *         },
     *         {
     *           "step": 2500,
     *           "from_rank": 16,
     *           "to_rank": 8
     *         },
     *         {
     *           "step": 3250,
     *           "from_rank": 8,
     *           "to_rank": 4
     *         }
     *       ],
     *       "mean_rank": 27.25,
     *       "relative_cost": 0.42578125,
     *       "notes": []
     *     }
     */
    Schedule: {
      final_steps: number;
      /** @description The rank, averaged over the steps */
      mean_rank: number;
      min_stage_steps: number;
      /** @description Where the schedule is not what was asked for, and why */
      notes: string[];
      /** @description mean_rank / source_rank: adapter parameters trained, against training at the source rank throughout */
      relative_cost: number;
      shape: string;
      source_rank: number;
      squeezes: {
        from_rank: number;
        /** @description Optimizer steps done at the squeeze */
        step: number;
        to_rank: number;
      }[];
      stage_lengths: string;
      stages: components['schemas']['Stage'][];
      target_rank: number;
      total_steps: number;
      warm_up_steps: number;
    };
    /**
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
       */
      dtype?: 'float32' | 'float16' | 'bfloat16';
      /**
       * @description At least so many steps at the target rank after the last squeeze (Cont-Squeeze): a floor of the last stage
       * @default 0
       */
      final_steps?: number;
      /**
       * @description No stage is shorter (200 in the LoRA-Squeeze paper, arXiv 2602.10993)
       * @default 200
       */
      min_stage_steps?: number;
      /** @description Shapes of the adapted modules; without them parameters and memory are null */
      modules?: {
        /** @default 1 */
        count?: number;
        /** @description Columns of lora_A */
        in_features: number;
        /** @description Rows of lora_B */
        out_features: number;
      }[];
      /**
       * @description What the optimizer keeps for each parameter: 8 bytes (Adam, AdamW: two float32 moments), 2 (the same in 8 bits), 4 (SGD with float32 momentum) or none
       * @default adam
       */
      optimizer?: 'adam' | 'adam_8bit' | 'sgd_momentum' | 'sgd';
      /** @description For shape custom: the rank of every stage, falling, from source_rank to target_rank */
      ranks?: number[];
      /**
       * @description How ranks fall from stage to stage: by the same factor, by the same number, along half a cosine (slowly at both ends), or as `ranks` lists them
       * @default geometric
       */
      shape?: 'geometric' | 'linear' | 'cosine' | 'custom';
      /** @description The rank training starts at */
      source_rank: number;
      /**
       * @description Steps of the stages: all the same, or in proportion to their rank. A stage whose share is below its floor lasts as long as the floor, and the others share the rest. Steps that do not divide go to the largest remainders, earlier stages first.
       * @default equal
       */
      stage_lengths?: 'equal' | 'rank_proportional';
      /** @description Number of stages, both ends counted. Default: one for each halving of the rank, and the source; fewer where the steps do not suffice. A number given here is kept or refused; only ranks that would repeat, rounded to whole ones, make it less. Not for shape custom. */
      stages?: number;
      /** @description The rank training ends at */
      target_rank: number;
      /** @description Optimizer steps of the whole training */
      total_steps: number;
      /**
       * @description At least so many steps at the source rank before the first squeeze: a floor of the first stage, not steps on top of it
       * @default 0
       */
      warm_up_steps?: number;
    };
    /** @description Brings an adapter to smaller ranks */
    SqueezeJobRequest: {
      adapter_id: string;
      /** @enum {string} */
      kind: 'squeeze';
      options?: components['schemas']['SqueezeOptions'];
      targets: components['schemas']['Target'][];
    };
    SqueezeOptions: {
      /**
       * @description rsvd: randomised SVD. exact: truncated SVD to rounding error.
       * @default rsvd
       */
      method?: 'rsvd' | 'exact';
      /**
       * @description Extra sketch columns beyond the rank
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
     *       }
     *     }
     */
    SqueezeRequest: {
      options?: components['schemas']['SqueezeOptions'];
      targets: components['schemas']['Target'][];
    };
    Stage: {
      /** @description Optimizer steps done when the stage begins */
      begin_step: number;
      /** @description Optimizer steps done when it ends: then comes the next squeeze */
      end_step: number;
      index: number;
      /** @description Of factors, gradients and optimizer, without the base model and activations; null without modules */
      memory: {
        gradients_bytes: number;
        optimizer_bytes: number;
        total_bytes: number;
        weights_bytes: number;
      } | null;
      /** @description Trained parameters; null without modules */
      parameters: number | null;
      rank: number;
      steps: number;
    };
    /** @description One rank policy (or a profile alone), with how to write the result */
    Target:
      | {
          /**
           * @description dtype of the written factors; match keeps that of the source
           * @default match
           */
          dtype?: 'match' | 'float32' | 'float16' | 'bfloat16';
          /** @description No module gets more */
          max_rank?: number;
          /** @description No module gets less, as far as it has it */
          min_rank?: number;
          /**
           * @description Where the result has to load (GET /v1/profiles). Decides what the target leaves open: scale, dtype, uniform, the ranks allowed. The result then carries the verdict, rule by rule.
           * @example vllm
           */
          profile?: string;
          /**
           * @description For going on with training: also writes projections.safetensors with P (r×k) and R (k×r) of every module, B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/files/projections.safetensors)
           * @default false
           */
          projections?: boolean;
          /** @description The rank to reach */
          rank: number;
          /**
           * @description For going on with training: directions of length zero get B = 0 and a random A instead of zeros in both, which no gradient could ever move
           * @default false
           */
          revive?: boolean;
          /**
           * @description fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows the rank. sqrt: the scale grows by √(old rank / new rank), as with α/√r.
           * @default fold
           */
          scale?: 'fold' | 'keep' | 'sqrt';
          /**
           * @description Which factor carries the singular values: both the same share (best to go on training from), all in B, or all in A
           * @default balanced
           */
          split?: 'balanced' | 'b' | 'a';
          /** @description One rank for all modules (what most servers need). false lets each module have its own rank, written as rank_pattern. Default: true, but false for budgets and rank_pattern, which are about different ranks. */
          uniform?: boolean;
        }
      | {
          /**
           * @description dtype of the written factors; match keeps that of the source
           * @default match
           */
          dtype?: 'match' | 'float32' | 'float16' | 'bfloat16';
          /** @description The smallest rank that keeps this share of Σσ² (kohya’s sv_fro p is energy p²) */
          energy: number;
          /** @description No module gets more */
          max_rank?: number;
          /** @description No module gets less, as far as it has it */
          min_rank?: number;
          /**
           * @description Where the result has to load (GET /v1/profiles). Decides what the target leaves open: scale, dtype, uniform, the ranks allowed. The result then carries the verdict, rule by rule.
           * @example vllm
           */
          profile?: string;
          /**
           * @description For going on with training: also writes projections.safetensors with P (r×k) and R (k×r) of every module, B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/files/projections.safetensors)
           * @default false
           */
          projections?: boolean;
          /**
           * @description For going on with training: directions of length zero get B = 0 and a random A instead of zeros in both, which no gradient could ever move
           * @default false
           */
          revive?: boolean;
          /**
           * @description fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows the rank. sqrt: the scale grows by √(old rank / new rank), as with α/√r.
           * @default fold
           */
          scale?: 'fold' | 'keep' | 'sqrt';
          /**
           * @description Which factor carries the singular values: both the same share (best to go on training from), all in B, or all in A
           * @default balanced
           */
          split?: 'balanced' | 'b' | 'a';
          /** @description One rank for all modules (what most servers need). false lets each module have its own rank, written as rank_pattern. Default: true, but false for budgets and rank_pattern, which are about different ranks. */
          uniform?: boolean;
        }
      | {
          /**
           * @description dtype of the written factors; match keeps that of the source
           * @default match
           */
          dtype?: 'match' | 'float32' | 'float16' | 'bfloat16';
          /** @description No module gets more */
          max_rank?: number;
          /** @description No module gets less, as far as it has it */
          min_rank?: number;
          /**
           * @description Where the result has to load (GET /v1/profiles). Decides what the target leaves open: scale, dtype, uniform, the ranks allowed. The result then carries the verdict, rule by rule.
           * @example vllm
           */
          profile?: string;
          /**
           * @description For going on with training: also writes projections.safetensors with P (r×k) and R (k×r) of every module, B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/files/projections.safetensors)
           * @default false
           */
          projections?: boolean;
          /** @description Keep the singular values above σ₁ divided by this (kohya: sv_ratio) */
          ratio: number;
          /**
           * @description For going on with training: directions of length zero get B = 0 and a random A instead of zeros in both, which no gradient could ever move
           * @default false
           */
          revive?: boolean;
          /**
           * @description fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows the rank. sqrt: the scale grows by √(old rank / new rank), as with α/√r.
           * @default fold
           */
          scale?: 'fold' | 'keep' | 'sqrt';
          /**
           * @description Which factor carries the singular values: both the same share (best to go on training from), all in B, or all in A
           * @default balanced
           */
          split?: 'balanced' | 'b' | 'a';
          /** @description One rank for all modules (what most servers need). false lets each module have its own rank, written as rank_pattern. Default: true, but false for budgets and rank_pattern, which are about different ranks. */
          uniform?: boolean;
        }
      | {
          /** @description The smallest rank that keeps this share of Σσ (kohya: sv_cumulative) */
          cumulative: number;
          /**
           * @description dtype of the written factors; match keeps that of the source
           * @default match
           */
          dtype?: 'match' | 'float32' | 'float16' | 'bfloat16';
          /** @description No module gets more */
          max_rank?: number;
          /** @description No module gets less, as far as it has it */
          min_rank?: number;
          /**
           * @description Where the result has to load (GET /v1/profiles). Decides what the target leaves open: scale, dtype, uniform, the ranks allowed. The result then carries the verdict, rule by rule.
           * @example vllm
           */
          profile?: string;
          /**
           * @description For going on with training: also writes projections.safetensors with P (r×k) and R (k×r) of every module, B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/files/projections.safetensors)
           * @default false
           */
          projections?: boolean;
          /**
           * @description For going on with training: directions of length zero get B = 0 and a random A instead of zeros in both, which no gradient could ever move
           * @default false
           */
          revive?: boolean;
          /**
           * @description fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows the rank. sqrt: the scale grows by √(old rank / new rank), as with α/√r.
           * @default fold
           */
          scale?: 'fold' | 'keep' | 'sqrt';
          /**
           * @description Which factor carries the singular values: both the same share (best to go on training from), all in B, or all in A
           * @default balanced
           */
          split?: 'balanced' | 'b' | 'a';
          /** @description One rank for all modules (what most servers need). false lets each module have its own rank, written as rank_pattern. Default: true, but false for budgets and rank_pattern, which are about different ranks. */
          uniform?: boolean;
        }
      | {
          /**
           * @description dtype of the written factors; match keeps that of the source
           * @default match
           */
          dtype?: 'match' | 'float32' | 'float16' | 'bfloat16';
          /**
           * @description The rank where the spectrum bends
           * @enum {boolean}
           */
          knee: true;
          /** @description No module gets more */
          max_rank?: number;
          /** @description No module gets less, as far as it has it */
          min_rank?: number;
          /**
           * @description Where the result has to load (GET /v1/profiles). Decides what the target leaves open: scale, dtype, uniform, the ranks allowed. The result then carries the verdict, rule by rule.
           * @example vllm
           */
          profile?: string;
          /**
           * @description For going on with training: also writes projections.safetensors with P (r×k) and R (k×r) of every module, B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/files/projections.safetensors)
           * @default false
           */
          projections?: boolean;
          /**
           * @description For going on with training: directions of length zero get B = 0 and a random A instead of zeros in both, which no gradient could ever move
           * @default false
           */
          revive?: boolean;
          /**
           * @description fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows the rank. sqrt: the scale grows by √(old rank / new rank), as with α/√r.
           * @default fold
           */
          scale?: 'fold' | 'keep' | 'sqrt';
          /**
           * @description Which factor carries the singular values: both the same share (best to go on training from), all in B, or all in A
           * @default balanced
           */
          split?: 'balanced' | 'b' | 'a';
          /** @description One rank for all modules (what most servers need). false lets each module have its own rank, written as rank_pattern. Default: true, but false for budgets and rank_pattern, which are about different ranks. */
          uniform?: boolean;
        }
      | {
          /**
           * @description dtype of the written factors; match keeps that of the source
           * @default match
           */
          dtype?: 'match' | 'float32' | 'float16' | 'bfloat16';
          /** @description No module gets more */
          max_rank?: number;
          /** @description No module gets less, as far as it has it */
          min_rank?: number;
          /**
           * @description Where the result has to load (GET /v1/profiles). Decides what the target leaves open: scale, dtype, uniform, the ranks allowed. The result then carries the verdict, rule by rule.
           * @example vllm
           */
          profile?: string;
          /**
           * @description For going on with training: also writes projections.safetensors with P (r×k) and R (k×r) of every module, B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/files/projections.safetensors)
           * @default false
           */
          projections?: boolean;
          /**
           * @description For going on with training: directions of length zero get B = 0 and a random A instead of zeros in both, which no gradient could ever move
           * @default false
           */
          revive?: boolean;
          /**
           * @description fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows the rank. sqrt: the scale grows by √(old rank / new rank), as with α/√r.
           * @default fold
           */
          scale?: 'fold' | 'keep' | 'sqrt';
          /**
           * @description Which factor carries the singular values: both the same share (best to go on training from), all in B, or all in A
           * @default balanced
           */
          split?: 'balanced' | 'b' | 'a';
          /** @description The smallest rank with at most this relative error ‖ΔW − ΔW′‖ / ‖ΔW‖ in every module */
          tolerance: number;
          /** @description One rank for all modules (what most servers need). false lets each module have its own rank, written as rank_pattern. Default: true, but false for budgets and rank_pattern, which are about different ranks. */
          uniform?: boolean;
        }
      | {
          /** @description At most this many bytes for the factors, spent on the modules where a rank lowers the error most per byte */
          budget_bytes: number;
          /**
           * @description dtype of the written factors; match keeps that of the source
           * @default match
           */
          dtype?: 'match' | 'float32' | 'float16' | 'bfloat16';
          /** @description No module gets more */
          max_rank?: number;
          /** @description No module gets less, as far as it has it */
          min_rank?: number;
          /**
           * @description Where the result has to load (GET /v1/profiles). Decides what the target leaves open: scale, dtype, uniform, the ranks allowed. The result then carries the verdict, rule by rule.
           * @example vllm
           */
          profile?: string;
          /**
           * @description For going on with training: also writes projections.safetensors with P (r×k) and R (k×r) of every module, B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/files/projections.safetensors)
           * @default false
           */
          projections?: boolean;
          /**
           * @description For going on with training: directions of length zero get B = 0 and a random A instead of zeros in both, which no gradient could ever move
           * @default false
           */
          revive?: boolean;
          /**
           * @description fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows the rank. sqrt: the scale grows by √(old rank / new rank), as with α/√r.
           * @default fold
           */
          scale?: 'fold' | 'keep' | 'sqrt';
          /**
           * @description Which factor carries the singular values: both the same share (best to go on training from), all in B, or all in A
           * @default balanced
           */
          split?: 'balanced' | 'b' | 'a';
          /** @description One rank for all modules (what most servers need). false lets each module have its own rank, written as rank_pattern. Default: true, but false for budgets and rank_pattern, which are about different ranks. */
          uniform?: boolean;
        }
      | {
          /** @description At most this many parameters in the factors, spent on the modules where a rank lowers the error most per parameter */
          budget_parameters: number;
          /**
           * @description dtype of the written factors; match keeps that of the source
           * @default match
           */
          dtype?: 'match' | 'float32' | 'float16' | 'bfloat16';
          /** @description No module gets more */
          max_rank?: number;
          /** @description No module gets less, as far as it has it */
          min_rank?: number;
          /**
           * @description Where the result has to load (GET /v1/profiles). Decides what the target leaves open: scale, dtype, uniform, the ranks allowed. The result then carries the verdict, rule by rule.
           * @example vllm
           */
          profile?: string;
          /**
           * @description For going on with training: also writes projections.safetensors with P (r×k) and R (k×r) of every module, B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/files/projections.safetensors)
           * @default false
           */
          projections?: boolean;
          /**
           * @description For going on with training: directions of length zero get B = 0 and a random A instead of zeros in both, which no gradient could ever move
           * @default false
           */
          revive?: boolean;
          /**
           * @description fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows the rank. sqrt: the scale grows by √(old rank / new rank), as with α/√r.
           * @default fold
           */
          scale?: 'fold' | 'keep' | 'sqrt';
          /**
           * @description Which factor carries the singular values: both the same share (best to go on training from), all in B, or all in A
           * @default balanced
           */
          split?: 'balanced' | 'b' | 'a';
          /** @description One rank for all modules (what most servers need). false lets each module have its own rank, written as rank_pattern. Default: true, but false for budgets and rank_pattern, which are about different ranks. */
          uniform?: boolean;
        }
      | {
          /**
           * @description dtype of the written factors; match keeps that of the source
           * @default match
           */
          dtype?: 'match' | 'float32' | 'float16' | 'bfloat16';
          /** @description No module gets more */
          max_rank?: number;
          /** @description No module gets less, as far as it has it */
          min_rank?: number;
          /**
           * @description Where the result has to load (GET /v1/profiles). Decides what the target leaves open: scale, dtype, uniform, the ranks allowed. The result then carries the verdict, rule by rule.
           * @example vllm
           */
          profile?: string;
          /**
           * @description For going on with training: also writes projections.safetensors with P (r×k) and R (k×r) of every module, B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/files/projections.safetensors)
           * @default false
           */
          projections?: boolean;
          /** @description Ranks by module name or pattern, matched as PEFT matches them; other modules stay as they are */
          rank_pattern: {
            [key: string]: number;
          };
          /**
           * @description For going on with training: directions of length zero get B = 0 and a random A instead of zeros in both, which no gradient could ever move
           * @default false
           */
          revive?: boolean;
          /**
           * @description fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows the rank. sqrt: the scale grows by √(old rank / new rank), as with α/√r.
           * @default fold
           */
          scale?: 'fold' | 'keep' | 'sqrt';
          /**
           * @description Which factor carries the singular values: both the same share (best to go on training from), all in B, or all in A
           * @default balanced
           */
          split?: 'balanced' | 'b' | 'a';
          /** @description One rank for all modules (what most servers need). false lets each module have its own rank, written as rank_pattern. Default: true, but false for budgets and rank_pattern, which are about different ranks. */
          uniform?: boolean;
        }
      | {
          /**
           * @description dtype of the written factors; match keeps that of the source
           * @default match
           */
          dtype?: 'match' | 'float32' | 'float16' | 'bfloat16';
          /** @description No module gets more */
          max_rank?: number;
          /** @description No module gets less, as far as it has it */
          min_rank?: number;
          profile: string;
          /**
           * @description For going on with training: also writes projections.safetensors with P (r×k) and R (k×r) of every module, B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/files/projections.safetensors)
           * @default false
           */
          projections?: boolean;
          /**
           * @description For going on with training: directions of length zero get B = 0 and a random A instead of zeros in both, which no gradient could ever move
           * @default false
           */
          revive?: boolean;
          /**
           * @description fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows the rank. sqrt: the scale grows by √(old rank / new rank), as with α/√r.
           * @default fold
           */
          scale?: 'fold' | 'keep' | 'sqrt';
          /**
           * @description Which factor carries the singular values: both the same share (best to go on training from), all in B, or all in A
           * @default balanced
           */
          split?: 'balanced' | 'b' | 'a';
          /** @description One rank for all modules (what most servers need). false lets each module have its own rank, written as rank_pattern. Default: true, but false for budgets and rank_pattern, which are about different ranks. */
          uniform?: boolean;
        };
    /** @description Seconds */
    Timings: {
      core: number;
      gram: number;
      /** @description Reading and decoding */
      load: number;
      project: number;
      /** @description From accepted to active */
      queue_wait: number;
      /** @description Wall clock from active to finished */
      total: number;
      /** @description Encoding, writing, hashing, storing */
      write: number;
    };
    TrainingNotes: {
      /** @description Further files of the job: projections.safetensors, optimizer.safetensors */
      files: components['schemas']['AdapterFile'][];
      /** @description Hint: the learning rate times this keeps the size of a step in ΔW, for optimizers whose steps have a size of their own, such as Adam. s·√Σ(m‖A‖² + n‖B‖²) before, divided by the same after. */
      learning_rate_factor: number;
      /** @description What became of the moments; none: none were sent */
      optimizer: 'carried' | 'reset' | 'none';
      /** @description Directions that got a random A */
      revived_directions: number;
    };
    Verdict: {
      /** @description Every rule passed */
      loads: boolean;
      profile: string;
      rules: {
        /** @description What was found and what is allowed; where it failed, what to do */
        detail: string;
        passed: boolean;
        /** @description Stable name of the rule, e.g. "max-rank" */
        rule: string;
      }[];
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
  livez: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Liveness'];
        };
      };
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  metrics: {
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
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  openapi: {
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
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  readyz: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It can */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Readiness'];
        };
      };
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FAILED`: The storage failed. `QUEUE_UNAVAILABLE`: The queue cannot be reached. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FULL`: The storage is full. */
      507: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  uploadAdapter: {
    parameters: {
      query?: never;
      header?: {
        /** @description SHA-256 or SHA-512 of the body (RFC 9530), checked while it arrives */
        'content-digest'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'multipart/form-data': {
          /**
           * Format: binary
           * @description The configuration PEFT writes beside them
           */
          'adapter_config.json': Blob;
          /**
           * Format: binary
           * @description The weights: safetensors
           */
          'adapter_model.safetensors': Blob;
        };
      };
    };
    responses: {
      /** @description The same content is here already */
      200: {
        headers: {
          /** @description Path of the resource */
          location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Adapter'];
        };
      };
      /** @description Stored */
      201: {
        headers: {
          /** @description Path of the resource */
          location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Adapter'];
        };
      };
      /** @description `MULTIPART_MALFORMED`: The multipart body is malformed. `UPLOAD_ABORTED`: The upload ended early. `DUPLICATE_PART`: A part of this name was sent twice. `UNEXPECTED_PART`: A part of this name is not expected. `DIGEST_INVALID`: The Content-Digest header cannot be read. `DIGEST_MISMATCH`: The body does not match its Content-Digest. `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_SLOW`: The upload stalled. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_LARGE`: The upload exceeds the size limit. `FIELD_TOO_LARGE`: A form field exceeds the size limit. `TOO_MANY_PARTS`: The multipart body has too many parts. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UNSUPPORTED_MEDIA_TYPE`: The content type is not accepted here. `UNSUPPORTED_CONTENT_ENCODING`: Compressed request bodies are not accepted. `PICKLE_REFUSED`: Pickle files are never opened. `UNSUPPORTED_FORMAT`: The file is not safetensors. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `FILE_MISSING`: A required file is missing. `LFS_POINTER`: The file is a Git LFS pointer, not the weights. `ST_HEADER_TOO_SMALL`: The safetensors file is shorter than its length field. `ST_HEADER_TOO_LARGE`: The safetensors header exceeds the limit. `ST_HEADER_LENGTH`: The safetensors header is longer than the file. `ST_HEADER_JSON`: The safetensors header is not the JSON the format asks for. `ST_DUPLICATE_KEY`: The safetensors header names something twice. `ST_METADATA`: The safetensors metadata is not a map of strings. `ST_TENSOR_NAME`: A tensor name is not acceptable. `ST_TOO_MANY_TENSORS`: The safetensors file has too many tensors. `ST_UNKNOWN_DTYPE`: A tensor has an unknown dtype. `ST_MISALIGNED`: A tensor does not fill whole bytes. `ST_VALIDATION_OVERFLOW`: A tensor shape overflows. `ST_TENSOR_INVALID_INFO`: A tensor shape does not match its bytes. `ST_INVALID_OFFSET`: Tensor offsets overlap or leave holes. `ST_BUFFER_NOT_COVERED`: The tensors do not cover the file exactly. `CONFIG_JSON`: adapter_config.json is not valid JSON. `CONFIG_TOO_LARGE`: adapter_config.json exceeds a limit. `CONFIG_TOO_DEEP`: adapter_config.json is nested too deeply. `CONFIG_DUPLICATE_KEY`: adapter_config.json has a key twice. `CONFIG_FORBIDDEN_KEY`: adapter_config.json has a forbidden key. `CONFIG_INVALID`: adapter_config.json has a field of the wrong type. `CONFIG_PEFT_TYPE`: The adapter is not LoRA. `CONFIG_RANK`: A rank in adapter_config.json is not a positive integer. `CONFIG_ALPHA`: An alpha in adapter_config.json is not a finite number. `CONFIG_REGEX`: A pattern in adapter_config.json cannot be read. `CONFIG_RANK_MISMATCH`: adapter_config.json and the tensors disagree on a rank. `NO_LORA_TENSORS`: The file has no LoRA tensors. `LORA_UNPAIRED`: A LoRA tensor has no partner. `LORA_DUPLICATE_MODULE`: A module appears twice. `LORA_RANK_MISMATCH`: lora_A and lora_B disagree on the rank. `LORA_RANK_DIMS`: A LoRA tensor has the wrong number of dimensions. `LORA_RANK_ZERO`: A module has rank 0. `UNSUPPORTED_DTYPE`: A LoRA tensor has a dtype that cannot be squeezed. `UNSUPPORTED_LORA_VARIANT`: This variant of LoRA cannot be squeezed yet. */
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FULL`: The storage is full. */
      507: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getAdapter: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /**
         * @description Id of an adapter
         * @example ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877
         */
        id: string;
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
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `ADAPTER_NOT_FOUND`: No adapter has this id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  downloadAdapterArchive: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /**
         * @description Id of an adapter
         * @example ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877
         */
        id: string;
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
      /** @description The client has it */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `ADAPTER_NOT_FOUND`: No adapter has this id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  downloadAdapterFile: {
    parameters: {
      query?: never;
      header?: {
        /** @description ETag of the file the client has */
        'if-none-match'?: string;
        /** @description Honour `Range` only while the file has this ETag */
        'if-range'?: string;
        /** @description One byte range; several are answered with the whole file */
        range?: string;
      };
      path: {
        /**
         * @description Id of an adapter
         * @example ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877
         */
        id: string;
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
          /** @description `bytes` */
          'accept-ranges'?: string;
          /** @description SHA-256 of the file, hex, in quotes */
          etag?: string;
          /** @description SHA-256 of the whole file (RFC 9530) */
          'repr-digest'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/octet-stream': Blob;
        };
      };
      /** @description The part asked for */
      206: {
        headers: {
          /** @description `bytes` */
          'accept-ranges'?: string;
          /** @description Which bytes of how many */
          'content-range'?: string;
          /** @description SHA-256 of the file, hex, in quotes */
          etag?: string;
          /** @description SHA-256 of the whole file (RFC 9530) */
          'repr-digest'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/octet-stream': Blob;
        };
      };
      /** @description The client has it */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `ADAPTER_NOT_FOUND`: No adapter has this id. `FILE_NOT_FOUND`: There is no file of this name. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `RANGE_NOT_SATISFIABLE`: The range lies outside the file. */
      416: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getAdapterModules: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /**
         * @description Id of an adapter
         * @example ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877
         */
        id: string;
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
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `ADAPTER_NOT_FOUND`: No adapter has this id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  submitJob: {
    parameters: {
      query?: never;
      header?: {
        /**
         * @description `wait=N` (RFC 7240) waits up to N seconds, at most 55, for the job: 200 with the finished job, or 202 as without it when that was not enough.
         * @example wait=30
         */
        prefer?: string;
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
      /** @description Finished while the client waited */
      200: {
        headers: {
          /** @description Path of the resource */
          location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      /** @description Accepted, durably */
      202: {
        headers: {
          /** @description Path of the resource */
          location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      /** @description `VALIDATION_FAILED`: The request does not fit its schema. `UNKNOWN_OPTION`: The request names an option that does not exist. `REQUEST_JSON`: The request is not valid JSON. `UNKNOWN_PROFILE`: The target names a profile that does not exist. `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `ADAPTER_NOT_FOUND`: No adapter has this id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_SLOW`: The upload stalled. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_LARGE`: The upload exceeds the size limit. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UNSUPPORTED_MEDIA_TYPE`: The content type is not accepted here. `UNSUPPORTED_CONTENT_ENCODING`: Compressed request bodies are not accepted. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `QUEUE_UNAVAILABLE`: The queue cannot be reached. `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FULL`: The storage is full. */
      507: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getJob: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
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
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `JOB_NOT_FOUND`: No job has this id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `QUEUE_UNAVAILABLE`: The queue cannot be reached. `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  downloadJobFile: {
    parameters: {
      query?: never;
      header?: {
        /** @description ETag of the file the client has */
        'if-none-match'?: string;
        /** @description Honour `Range` only while the file has this ETag */
        'if-range'?: string;
        /** @description One byte range; several are answered with the whole file */
        range?: string;
      };
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: string;
        /**
         * @description Name of a file of the job
         * @example projections.safetensors
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
          /** @description `bytes` */
          'accept-ranges'?: string;
          /** @description SHA-256 of the file, hex, in quotes */
          etag?: string;
          /** @description SHA-256 of the whole file (RFC 9530) */
          'repr-digest'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/octet-stream': Blob;
        };
      };
      /** @description The part asked for */
      206: {
        headers: {
          /** @description `bytes` */
          'accept-ranges'?: string;
          /** @description Which bytes of how many */
          'content-range'?: string;
          /** @description SHA-256 of the file, hex, in quotes */
          etag?: string;
          /** @description SHA-256 of the whole file (RFC 9530) */
          'repr-digest'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/octet-stream': Blob;
        };
      };
      /** @description The client has it */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `JOB_NOT_FOUND`: No job has this id. `FILE_NOT_FOUND`: There is no file of this name. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `RANGE_NOT_SATISFIABLE`: The range lies outside the file. */
      416: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getReport: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /**
         * @description Id of a job
         * @example job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The report */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Report'];
        };
      };
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `JOB_NOT_FOUND`: No job has this id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `REPORT_NOT_READY`: The job has no report yet. */
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  listProfiles: {
    parameters: {
      query?: never;
      header?: {
        /** @description ETag of what the client has */
        'if-none-match'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Every profile */
      200: {
        headers: {
          /** @description Digest of the answer */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ProfileList'];
        };
      };
      /** @description The client has it */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getProfile: {
    parameters: {
      query?: never;
      header?: {
        /** @description ETag of what the client has */
        'if-none-match'?: string;
      };
      path: {
        /**
         * @description Name of a profile
         * @example vllm
         */
        name: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The profile */
      200: {
        headers: {
          /** @description Digest of the answer */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Profile'];
        };
      };
      /** @description The client has it */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `PROFILE_NOT_FOUND`: There is no profile of this name. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  createRun: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['RunRequest'];
      };
    };
    responses: {
      /** @description The run */
      201: {
        headers: {
          /** @description Path of the resource */
          location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Run'];
        };
      };
      /** @description `VALIDATION_FAILED`: The request does not fit its schema. `UNKNOWN_OPTION`: The request names an option that does not exist. `REQUEST_JSON`: The request is not valid JSON. `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_SLOW`: The upload stalled. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_LARGE`: The upload exceeds the size limit. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UNSUPPORTED_MEDIA_TYPE`: The content type is not accepted here. `UNSUPPORTED_CONTENT_ENCODING`: Compressed request bodies are not accepted. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `SCHEDULE_INVALID`: The schedule contradicts itself. `SCHEDULE_TOO_SHORT`: The steps do not suffice for the stages. */
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FULL`: The storage is full. */
      507: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getRun: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /**
         * @description Id of a run
         * @example run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: string;
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
      /** @description `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `RUN_NOT_FOUND`: No run has this id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `QUEUE_UNAVAILABLE`: The queue cannot be reached. `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  sendCheckpoint: {
    parameters: {
      query?: never;
      header?: {
        /** @description SHA-256 or SHA-512 of the body (RFC 9530), checked while it arrives */
        'content-digest'?: string;
        /**
         * @description `wait=N` (RFC 7240) waits up to N seconds, at most 55, for the squeeze: 200 with the finished checkpoint, or 202 as without it when that was not enough.
         * @example wait=30
         */
        prefer?: string;
      };
      path: {
        /**
         * @description Id of a run
         * @example run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'multipart/form-data': {
          /**
           * Format: binary
           * @description The configuration PEFT writes beside them
           */
          'adapter_config.json': Blob;
          /**
           * Format: binary
           * @description The weights: safetensors
           */
          'adapter_model.safetensors': Blob;
          /**
           * Format: binary
           * @description The moments of the optimizer: safetensors, each tensor called like its factor, then a dot and `exp_avg`, `exp_avg_sq`, `max_exp_avg_sq` or `momentum_buffer`
           */
          'optimizer.safetensors'?: Blob;
          /**
           * @description This checkpoint takes the place of every one of its step and later ones: for a training that resumed from an earlier state
           * @default false
           */
          rewind?: boolean;
          /** @description Optimizer steps done */
          step: number;
        };
      };
    };
    responses: {
      /** @description Kept, or finished while the client waited */
      200: {
        headers: {
          /** @description Path of the resource */
          location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Checkpoint'];
        };
      };
      /** @description Accepted, durably: being squeezed */
      202: {
        headers: {
          /** @description Path of the resource */
          location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Checkpoint'];
        };
      };
      /** @description `MULTIPART_MALFORMED`: The multipart body is malformed. `UPLOAD_ABORTED`: The upload ended early. `DUPLICATE_PART`: A part of this name was sent twice. `UNEXPECTED_PART`: A part of this name is not expected. `DIGEST_INVALID`: The Content-Digest header cannot be read. `DIGEST_MISMATCH`: The body does not match its Content-Digest. `VALIDATION_FAILED`: The request does not fit its schema. `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `RUN_NOT_FOUND`: No run has this id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_SLOW`: The upload stalled. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `CHECKPOINT_CONFLICT`: Another checkpoint of this step was squeezed already. `CHECKPOINT_OUT_OF_ORDER`: A later checkpoint was squeezed already. `CHECKPOINT_PENDING`: The checkpoint before is still being squeezed. `CHECKPOINT_RANK`: The checkpoint does not have the rank the run is at. `CHECKPOINT_BASE_MISMATCH`: The checkpoint belongs to another base model or other modules. */
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_LARGE`: The upload exceeds the size limit. `FIELD_TOO_LARGE`: A form field exceeds the size limit. `TOO_MANY_PARTS`: The multipart body has too many parts. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UNSUPPORTED_MEDIA_TYPE`: The content type is not accepted here. `UNSUPPORTED_CONTENT_ENCODING`: Compressed request bodies are not accepted. `PICKLE_REFUSED`: Pickle files are never opened. `UNSUPPORTED_FORMAT`: The file is not safetensors. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `FILE_MISSING`: A required file is missing. `LFS_POINTER`: The file is a Git LFS pointer, not the weights. `ST_HEADER_TOO_SMALL`: The safetensors file is shorter than its length field. `ST_HEADER_TOO_LARGE`: The safetensors header exceeds the limit. `ST_HEADER_LENGTH`: The safetensors header is longer than the file. `ST_HEADER_JSON`: The safetensors header is not the JSON the format asks for. `ST_DUPLICATE_KEY`: The safetensors header names something twice. `ST_METADATA`: The safetensors metadata is not a map of strings. `ST_TENSOR_NAME`: A tensor name is not acceptable. `ST_TOO_MANY_TENSORS`: The safetensors file has too many tensors. `ST_UNKNOWN_DTYPE`: A tensor has an unknown dtype. `ST_MISALIGNED`: A tensor does not fill whole bytes. `ST_VALIDATION_OVERFLOW`: A tensor shape overflows. `ST_TENSOR_INVALID_INFO`: A tensor shape does not match its bytes. `ST_INVALID_OFFSET`: Tensor offsets overlap or leave holes. `ST_BUFFER_NOT_COVERED`: The tensors do not cover the file exactly. `CONFIG_JSON`: adapter_config.json is not valid JSON. `CONFIG_TOO_LARGE`: adapter_config.json exceeds a limit. `CONFIG_TOO_DEEP`: adapter_config.json is nested too deeply. `CONFIG_DUPLICATE_KEY`: adapter_config.json has a key twice. `CONFIG_FORBIDDEN_KEY`: adapter_config.json has a forbidden key. `CONFIG_INVALID`: adapter_config.json has a field of the wrong type. `CONFIG_PEFT_TYPE`: The adapter is not LoRA. `CONFIG_RANK`: A rank in adapter_config.json is not a positive integer. `CONFIG_ALPHA`: An alpha in adapter_config.json is not a finite number. `CONFIG_REGEX`: A pattern in adapter_config.json cannot be read. `CONFIG_RANK_MISMATCH`: adapter_config.json and the tensors disagree on a rank. `NO_LORA_TENSORS`: The file has no LoRA tensors. `LORA_UNPAIRED`: A LoRA tensor has no partner. `LORA_DUPLICATE_MODULE`: A module appears twice. `LORA_RANK_MISMATCH`: lora_A and lora_B disagree on the rank. `LORA_RANK_DIMS`: A LoRA tensor has the wrong number of dimensions. `LORA_RANK_ZERO`: A module has rank 0. `UNSUPPORTED_DTYPE`: A LoRA tensor has a dtype that cannot be squeezed. `UNSUPPORTED_LORA_VARIANT`: This variant of LoRA cannot be squeezed yet. `OPTIMIZER_STATE_INVALID`: The optimizer state does not fit the adapter. `CHECKPOINT_STEP`: The step of the checkpoint lies outside the run. */
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FULL`: The storage is full. */
      507: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getCheckpoint: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /**
         * @description Id of a run
         * @example run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d
         */
        id: string;
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
      /** @description `VALIDATION_FAILED`: The request does not fit its schema. `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `RUN_NOT_FOUND`: No run has this id. `CHECKPOINT_NOT_FOUND`: The run has no checkpoint of this step. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `QUEUE_UNAVAILABLE`: The queue cannot be reached. `STORAGE_FAILED`: The storage failed. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  planSchedule: {
    parameters: {
      query?: never;
      header?: never;
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
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Schedule'];
        };
      };
      /** @description `VALIDATION_FAILED`: The request does not fit its schema. `UNKNOWN_OPTION`: The request names an option that does not exist. `REQUEST_JSON`: The request is not valid JSON. `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_SLOW`: The upload stalled. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_LARGE`: The upload exceeds the size limit. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UNSUPPORTED_MEDIA_TYPE`: The content type is not accepted here. `UNSUPPORTED_CONTENT_ENCODING`: Compressed request bodies are not accepted. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `SCHEDULE_INVALID`: The schedule contradicts itself. `SCHEDULE_TOO_SHORT`: The steps do not suffice for the stages. */
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  squeeze: {
    parameters: {
      query?: never;
      header?: {
        /** @description SHA-256 or SHA-512 of the body (RFC 9530), checked while it arrives */
        'content-digest'?: string;
        /**
         * @description `wait=N` (RFC 7240) waits up to N seconds, at most 55, for the job: 200 with the finished job, or 202 as without it when that was not enough.
         * @example wait=30
         */
        prefer?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'multipart/form-data': {
          /**
           * Format: binary
           * @description The configuration PEFT writes beside them
           */
          'adapter_config.json': Blob;
          /**
           * Format: binary
           * @description The weights: safetensors
           */
          'adapter_model.safetensors': Blob;
          request: components['schemas']['SqueezeRequest'];
        };
      };
    };
    responses: {
      /** @description Finished while the client waited */
      200: {
        headers: {
          /** @description Path of the resource */
          location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      /** @description Accepted, durably */
      202: {
        headers: {
          /** @description Path of the resource */
          location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      /** @description `MULTIPART_MALFORMED`: The multipart body is malformed. `UPLOAD_ABORTED`: The upload ended early. `DUPLICATE_PART`: A part of this name was sent twice. `UNEXPECTED_PART`: A part of this name is not expected. `DIGEST_INVALID`: The Content-Digest header cannot be read. `DIGEST_MISMATCH`: The body does not match its Content-Digest. `VALIDATION_FAILED`: The request does not fit its schema. `UNKNOWN_OPTION`: The request names an option that does not exist. `UNKNOWN_PROFILE`: The target names a profile that does not exist. `REQUEST_JSON`: The request is not valid JSON. `BAD_REQUEST`: The request is malformed. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_SLOW`: The upload stalled. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UPLOAD_TOO_LARGE`: The upload exceeds the size limit. `FIELD_TOO_LARGE`: A form field exceeds the size limit. `TOO_MANY_PARTS`: The multipart body has too many parts. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `UNSUPPORTED_MEDIA_TYPE`: The content type is not accepted here. `UNSUPPORTED_CONTENT_ENCODING`: Compressed request bodies are not accepted. `PICKLE_REFUSED`: Pickle files are never opened. `UNSUPPORTED_FORMAT`: The file is not safetensors. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `FILE_MISSING`: A required file is missing. `LFS_POINTER`: The file is a Git LFS pointer, not the weights. `ST_HEADER_TOO_SMALL`: The safetensors file is shorter than its length field. `ST_HEADER_TOO_LARGE`: The safetensors header exceeds the limit. `ST_HEADER_LENGTH`: The safetensors header is longer than the file. `ST_HEADER_JSON`: The safetensors header is not the JSON the format asks for. `ST_DUPLICATE_KEY`: The safetensors header names something twice. `ST_METADATA`: The safetensors metadata is not a map of strings. `ST_TENSOR_NAME`: A tensor name is not acceptable. `ST_TOO_MANY_TENSORS`: The safetensors file has too many tensors. `ST_UNKNOWN_DTYPE`: A tensor has an unknown dtype. `ST_MISALIGNED`: A tensor does not fill whole bytes. `ST_VALIDATION_OVERFLOW`: A tensor shape overflows. `ST_TENSOR_INVALID_INFO`: A tensor shape does not match its bytes. `ST_INVALID_OFFSET`: Tensor offsets overlap or leave holes. `ST_BUFFER_NOT_COVERED`: The tensors do not cover the file exactly. `CONFIG_JSON`: adapter_config.json is not valid JSON. `CONFIG_TOO_LARGE`: adapter_config.json exceeds a limit. `CONFIG_TOO_DEEP`: adapter_config.json is nested too deeply. `CONFIG_DUPLICATE_KEY`: adapter_config.json has a key twice. `CONFIG_FORBIDDEN_KEY`: adapter_config.json has a forbidden key. `CONFIG_INVALID`: adapter_config.json has a field of the wrong type. `CONFIG_PEFT_TYPE`: The adapter is not LoRA. `CONFIG_RANK`: A rank in adapter_config.json is not a positive integer. `CONFIG_ALPHA`: An alpha in adapter_config.json is not a finite number. `CONFIG_REGEX`: A pattern in adapter_config.json cannot be read. `CONFIG_RANK_MISMATCH`: adapter_config.json and the tensors disagree on a rank. `NO_LORA_TENSORS`: The file has no LoRA tensors. `LORA_UNPAIRED`: A LoRA tensor has no partner. `LORA_DUPLICATE_MODULE`: A module appears twice. `LORA_RANK_MISMATCH`: lora_A and lora_B disagree on the rank. `LORA_RANK_DIMS`: A LoRA tensor has the wrong number of dimensions. `LORA_RANK_ZERO`: A module has rank 0. `UNSUPPORTED_DTYPE`: A LoRA tensor has a dtype that cannot be squeezed. `UNSUPPORTED_LORA_VARIANT`: This variant of LoRA cannot be squeezed yet. */
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `INTERNAL`: The service failed. */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FAILED`: The storage failed. `QUEUE_UNAVAILABLE`: The queue cannot be reached. `SHUTTING_DOWN`: The service is shutting down. */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description `STORAGE_FULL`: The storage is full. */
      507: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
}
