import AjvCompiler from '@fastify/ajv-compiler';

type BuildValidator = ReturnType<typeof AjvCompiler>;
type Compile = ReturnType<BuildValidator>;
type Validate = ReturnType<Compile>;

/**
 * Compiles the schema of a route at its first request. Compiling them all takes longer than everything else that happens
 * before the service listens, and most processes are asked for a few routes only. The names of headers have to be in
 * lower case: Fastify leaves them to compilers that are not its own.
 */
export function buildLazyValidators(): BuildValidator {
  const build = AjvCompiler();
  return (schemas, options) => {
    let compile: Compile | undefined;
    return (route) => {
      return lazily(() => {
        compile ??= build(schemas, options);
        return compile(route);
      });
    };
  };
}

/** Fastify reads the errors of a call from the function that it has called. */
function lazily(compile: () => Validate): Validate {
  let compiled: Validate | undefined;
  const validate = (data: unknown): unknown => {
    compiled ??= compile();
    const isValid = compiled(data);
    validate.errors = compiled.errors;
    return isValid;
  };
  validate.errors = undefined as Validate['errors'];
  return validate as Validate;
}
