/** Which compiles are cached. Left out (null) means every one. */
export interface CachePolicy {
  enabled: boolean;
  /** Profile directories: `debug`, `release`, … */
  cacheTargets: readonly string[] | null;
  /** Kinds of output: `.rlib`, …; `''` is a program without an extension. */
  cacheExtensions: readonly string[] | null;
  /** Packages whose build scripts run each time; patterns. */
  runScripts: readonly string[];
  /** `false`: nothing is shared with peers, and nothing asked for. */
  share: boolean;
  /** Crates and packages of which the same holds, whoever depends on them included; patterns. */
  exclude: readonly string[];
}

/** What both allow. */
export function narrow(outer: CachePolicy, inner: CachePolicy): CachePolicy {
  return {
    enabled: outer.enabled && inner.enabled,
    cacheTargets: intersect(outer.cacheTargets, inner.cacheTargets),
    cacheExtensions: intersect(outer.cacheExtensions, inner.cacheExtensions),
    runScripts: [...new Set([...outer.runScripts, ...inner.runScripts])],
    share: outer.share && inner.share,
    exclude: [...new Set([...outer.exclude, ...inner.exclude])],
  };
}

/** @param profileDirectory the directory of the target directory that cargo builds into */
export function cachesTarget(policy: CachePolicy, profileDirectory: string): boolean {
  return policy.enabled && (policy.cacheTargets?.includes(profileDirectory) ?? true);
}

/** @param extension with its dot, or `''` */
export function cachesExtension(policy: CachePolicy, extension: string): boolean {
  return policy.enabled && (policy.cacheExtensions?.includes(extension) ?? true);
}

function intersect(
  outer: readonly string[] | null,
  inner: readonly string[] | null,
): readonly string[] | null {
  if (outer === null) return inner;
  if (inner === null) return outer;
  return outer.filter((item) => inner.includes(item));
}
