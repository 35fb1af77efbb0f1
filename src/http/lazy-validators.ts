import { setImmediate as nextTurn } from 'node:timers/promises';
import AjvCompiler from '@fastify/ajv-compiler';

type BuildValidator = ReturnType<typeof AjvCompiler>;
type Compile = ReturnType<BuildValidator>;
type Validate = ReturnType<Compile>;

/**
 * Compiled validators are cached by their schemas: a process that serves the same routes several times compiles them
 * once.
 */
const build = AjvCompiler();

/** A part of the requests of a route whose schema has been compiled. */
export interface CompiledPart {
  readonly method: string | undefined;
  readonly route: string | undefined;
  readonly part: string | undefined;
  readonly ms: number;
}

/** A schema of a route that has not been compiled yet. */
interface Waiting {
  /** Method and path, such as `POST /v1/jobs`. */
  readonly route: string;
  readonly compile: () => void;
}

/**
 * Compiles the schema of a route at its first request. Compiling them all takes longer than everything else before
 * the service listens, and most processes serve a few routes only. The names of headers must be in lower case,
 * because Fastify leaves this to custom compilers.
 */
export class LazyValidators {
  private ahead: readonly string[];
  private readonly onCompiled: (part: CompiledPart) => void;
  private readonly waiting: Waiting[] = [];
  private tellDone!: () => void;
  /** Resolves when `compileAhead` has finished. */
  readonly done = new Promise<void>((resolve) => {
    this.tellDone = resolve;
  });

  /** @param ahead the routes that `compileAhead` compiles, in this order */
  constructor(ahead: readonly string[] = [], onCompiled: (part: CompiledPart) => void = () => {}) {
    this.ahead = ahead;
    this.onCompiled = onCompiled;
  }

  /** For Fastify's `compilersFactory`. */
  factory(): BuildValidator {
    return (schemas, options) => {
      let compile: Compile | undefined;
      return (schema) => {
        const { method, url, httpPart } = schema;
        const validate = lazily(() => {
          const startedMs = performance.now();
          compile ??= build(schemas, options);
          const compiled = compile(schema);
          const ms = Math.round(performance.now() - startedMs);
          this.onCompiled({ method, route: url, part: httpPart, ms });
          return compiled;
        });
        const route = `${method} ${url}`;
        if (this.ahead.includes(route)) this.waiting.push({ route, compile: validate.compile });
        return validate;
      };
    };
  }

  /** Compiles one schema in each turn of the event loop, so that requests are answered in between. */
  async compileAhead(): Promise<void> {
    const { ahead } = this;
    // Schemas that are added from now on are compiled when they are needed.
    this.ahead = [];
    const waiting = this.waiting.splice(0);
    for (const route of ahead) {
      for (const { compile } of waiting.filter((one) => one.route === route)) {
        await nextTurn();
        try {
          compile();
        } catch {
          // The requests of this route will get the error.
        }
      }
    }
    this.tellDone();
  }
}

/** Fastify reads the errors of a validation from the function that it called. */
function lazily(build: () => Validate): Validate & { compile: () => Validate } {
  let compiled: Validate | undefined;
  const compile = (): Validate => {
    compiled ??= build();
    return compiled;
  };
  const validate = (data: unknown): unknown => {
    const judge = compile();
    const isValid = judge(data);
    validate.errors = judge.errors;
    return isValid;
  };
  validate.errors = undefined as Validate['errors'];
  validate.compile = compile;
  return validate as Validate & { compile: () => Validate };
}
