// workerd has the clock as a global only.
export const { performance } = globalThis;
