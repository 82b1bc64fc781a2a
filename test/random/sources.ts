import {
  CFGS,
  type Crate,
  crateNamed,
  type Dependency,
  FEATURES,
  type Module,
  type Script,
  tellsFile,
  type Workspace,
  warningOf,
} from './model.js';

/** Path → text, relative to the parent of the workspace's root. */
export type Sources = Map<string, string>;

/** Writes a workspace down. The same workspace gives the same bytes. */
export function sourcesOf(workspace: Workspace): Sources {
  const files: Sources = new Map();
  for (const crate of workspace.crates) {
    const put = (path: string, text: string) => files.set(`${directory(crate)}/${path}`, text);
    put('Cargo.toml', manifestOf(crate, workspace));
    put(crate.kind === 'app' ? 'src/main.rs' : 'src/lib.rs', rootOf(crate, workspace));
    for (const module of crate.modules) {
      for (const path of pathsOf(module, crate)) put(`src/${path}`, bodyOf(module));
    }
    if (crate.note !== null) put('note.txt', `${crate.note}\n`);
    if (crate.bytes !== null) put('src/bytes.bin', `${crate.bytes}`);
    put('macro.txt', `${crate.macroText}\n`);
    if (crate.script !== null) {
      put('build.rs', buildScriptOf(crate, crate.script));
      put('data.txt', `${crate.script.data}\n`);
      if (crate.script.c !== null) {
        put('c/part.h', `#define PART ${crate.script.c.header}\n`);
        put('c/part.c', cSourceOf(crate, crate.script.c.body));
      }
    }
  }
  return files;
}

/** Where a crate stands, relative to the parent of the workspace's root. */
export function directory(crate: Crate): string {
  if (crate.kind === 'app') return 'app';
  return crate.place === 'member' ? `app/${crate.name}` : `ext/${crate.name}`;
}

function manifestOf(crate: Crate, workspace: Workspace): string {
  const table = (deps: readonly Dependency[]) =>
    deps.map((dep) => {
      const on = crateNamed(workspace, dep.on);
      const up = directory(crate)
        .split('/')
        .map(() => '..');
      const path = [...up, directory(on)].join('/');
      return `${on.name} = { path = "${path}", features = ${JSON.stringify(dep.features)} }`;
    });
  const lines = [
    '[package]',
    `name = "${crate.name}"`,
    `version = "0.1.${crate.version}"`,
    'edition = "2021"',
    ...(crate.kind === 'app' ? [] : ['[features]', ...FEATURES.map((name) => `${name} = []`)]),
    ...(crate.kind === 'macro' ? ['[lib]', 'proc-macro = true'] : []),
    '[dependencies]',
    ...table(crate.deps),
    ...(crate.script === null ? [] : ['[build-dependencies]', ...table(crate.script.deps)]),
  ];
  if (crate.kind === 'app') {
    lines.push('[workspace]');
    lines.push('[profile.dev]', `opt-level = ${workspace.devOpt}`, `debug = ${workspace.debug}`);
    lines.push('[profile.release]', `opt-level = ${workspace.releaseOpt}`);
  }
  return `${lines.join('\n')}\n`;
}

function pathsOf(module: Module, crate: Crate): string[] {
  const both = [`${module.name}.rs`, `${module.name}/mod.rs`];
  if (crate.broken === 'module twice' && module === crate.modules[0]) return both;
  return [both[module.form === 'file' ? 0 : 1]!];
}

/** Nothing of the module's name: two modules may have the same content. */
const bodyOf = (module: Module): string => `pub fn body() -> u32 { ${module.body} }\n`;

function rootOf(crate: Crate, workspace: Workspace): string {
  const isMacro = crate.kind === 'macro';
  const pub = crate.kind === 'lib' ? 'pub ' : '';
  const warning = warningOf(crate);
  const lines = [
    '#![allow(unexpected_cfgs, dead_code)]',
    ...crate.modules.map((module) => `mod ${module.name};`),
    `${pub}const CONSTANT: u32 = ${crate.constant};`,
    `#[inline(always)] ${pub}fn inlined() -> u32 { ${crate.inlined} }`,
    `${pub}fn generic<T: Copy + Into<u32>>(t: T) -> u32 { t.into() + ${crate.generic} }`,
    ...(crate.kind === 'lib'
      ? [`#[macro_export] macro_rules! say_${crate.name} { () => { ${crate.exported}u32 } }`]
      : []),
    ...(crate.broken === 'type' ? ['const BROKEN: u32 = "text";'] : []),
    ...(crate.script?.c ? [`extern "C" { fn part_of_${crate.name}() -> u32; }`] : []),
    'fn nest(out: &mut Vec<String>, name: &str, text: &str) {',
    '  for line in text.lines() { out.push([name, ">", line].concat()); }',
    '}',
    'fn put(out: &mut Vec<String>, name: &str, value: &dyn std::fmt::Display) {',
    '  out.push(format!("{name}={value}"));',
    '}',
    `${pub}fn show() -> String {`,
    '  let mut out = Vec::new();',
    ...(warning === null ? [] : [`  let ${warning} = 0;`]),
    ...printed(crate, workspace).map((statement) => `  ${statement}`),
    '  out.join("\\n")',
    '}',
    ...(isMacro ? macroEntries(crate) : []),
    ...(crate.kind === 'app' ? ['fn main() { println!("{}", show()); }'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

const put = (name: string, value: string): string => `put(&mut out, "${name}", &${value});`;
const nest = (name: string, text: string): string => `nest(&mut out, "${name}", ${text});`;

function printed(crate: Crate, workspace: Workspace): string[] {
  return [
    put('constant', 'CONSTANT'),
    put('inlined', 'inlined()'),
    put('generic', 'generic(0u8)'),
    put('version', 'env!("CARGO_PKG_VERSION")'),
    put('debug_assertions', 'cfg!(debug_assertions)'),
    ...(crate.kind === 'app' ? [] : FEATURES.map((name) => put(name, `cfg!(feature = "${name}")`))),
    ...CFGS.map((name) => put(name, `cfg!(${name})`)),
    ...crate.modules.map(({ name }) => put(name, `${name}::body()`)),
    ...(crate.note === null ? [] : [put('note', 'include_str!("../note.txt").trim()')]),
    ...(crate.bytes === null ? [] : [put('bytes', '(include_bytes!("bytes.bin")[0] - 48)')]),
    ...(crate.optionalEnv
      ? [put('optional', 'option_env!("VR_OPTIONAL").unwrap_or("unset")')]
      : []),
    ...(crate.requiredEnv ? [put('required', 'env!("VR_REQUIRED")')] : []),
    ...(crate.tellsPlace ? [put('place', 'env!("CARGO_MANIFEST_DIR")')] : []),
    ...(tellsFile(crate) ? [put('file', 'file!()')] : []),
    ...(crate.script === null ? [] : scripted(crate, crate.script)),
    ...crate.deps.flatMap((dep) => used(crateNamed(workspace, dep.on))),
  ];
}

function scripted(crate: Crate, script: Script): string[] {
  return [
    nest('script', 'include!(concat!(env!("OUT_DIR"), "/generated.rs"))'),
    put('says', 'env!("SCRIPT_SAYS")'),
    ...[0, 1].map((number) => put(`scripted_${number}`, `cfg!(scripted_${number})`)),
    ...(script.tellsOutDir ? [put('out', 'env!("OUT_DIR")')] : []),
    ...(script.c === null ? [] : [put('c', `unsafe { part_of_${crate.name}() }`)]),
  ];
}

function used({ name, kind }: Crate): string[] {
  if (kind === 'lib') {
    return [
      put(`${name}.constant`, `${name}::CONSTANT`),
      put(`${name}.inlined`, `${name}::inlined()`),
      put(`${name}.generic`, `${name}::generic(0u16)`),
      put(`${name}.exported`, `${name}::say_${name}!()`),
      nest(name, `&${name}::show()`),
    ];
  }
  return [
    `let (text, env, file): (&str, Option<&str>, &str) = ${name}::stamp!();`,
    nest(name, 'text'),
    put(`${name}.env`, 'env.unwrap_or("unset")'),
    put(`${name}.text`, 'file.trim()'),
    `#[derive(${name}::Stamp)] struct Derived;`,
    put(`${name}.derived`, 'Derived::STAMP'),
  ];
}

/** Reads what cargo sets for the caller, and names a file and a variable in ways rustc tracks. */
function macroEntries(crate: Crate): string[] {
  const file =
    crate.note === null
      ? '"\\"none\\"".to_string()'
      : 'format!("include_str!({:?})", format!("{}/macro.txt", var("CARGO_MANIFEST_DIR")))';
  return [
    'use proc_macro::TokenStream;',
    'fn var(name: &str) -> String { std::env::var(name).unwrap() }',
    '#[proc_macro] pub fn stamp(_: TokenStream) -> TokenStream {',
    '  let mut out = Vec::new();',
    '  let caller = format!("{} {}", var("CARGO_PKG_NAME"), var("CARGO_PKG_VERSION"));',
    '  put(&mut out, "caller", &caller);',
    ...(crate.tellsFile ? ['  put(&mut out, "at", &var("CARGO_MANIFEST_DIR"));'] : []),
    '  out.push(show());',
    `  let file: String = ${file};`,
    '  let text = out.join("\\n");',
    '  format!("({text:?}, option_env!(\\"VR_MACRO\\"), {file})").parse().unwrap()',
    '}',
    '#[proc_macro_derive(Stamp)] pub fn derive_stamp(_: TokenStream) -> TokenStream {',
    `  "impl Derived { const STAMP: u32 = ${crate.exported}; }".parse().unwrap()`,
    '}',
  ];
}

function buildScriptOf(crate: Crate, script: Script): string {
  const lines = [
    'use std::{env, fs, process::Command};',
    'fn nest(out: &mut Vec<String>, name: &str, text: &str) {',
    '  for line in text.lines() { out.push([name, ">", line].concat()); }',
    '}',
    'fn run(program: &str, arguments: &[&str]) {',
    '  assert!(Command::new(program).args(arguments).status().unwrap().success());',
    '}',
    'fn main() {',
    '  let out_dir = env::var("OUT_DIR").unwrap();',
    `  let mut out = vec!["constant=${script.constant}".to_string()];`,
    '  println!("cargo:rerun-if-changed=build.rs");',
    '  println!("cargo:rerun-if-changed=data.txt");',
    '  out.push(format!("data={}", fs::read_to_string("data.txt").unwrap().trim()));',
    '  let (profile, opt) = (env::var("PROFILE").unwrap(), env::var("OPT_LEVEL").unwrap());',
    '  out.push(format!("profile={profile} {opt}"));',
    ...(script.readsEnv
      ? [
          '  println!("cargo:rerun-if-env-changed=VR_SCRIPT");',
          '  out.push(format!("env={}", env::var("VR_SCRIPT").unwrap_or("unset".into())));',
        ]
      : []),
    ...script.deps.map(({ on }) => `  ${nest(on, `&${on}::show()`)}`),
    '  nest(&mut Vec::new(), "", "");',
    '  let text = format!("{:?}", out.join("\\n"));',
    '  fs::write(format!("{out_dir}/generated.rs"), text).unwrap();',
    `  println!("cargo:rustc-cfg=scripted_${script.cfg}");`,
    `  println!("cargo:rustc-env=SCRIPT_SAYS=${script.says}");`,
    ...(script.c === null ? ['  let _ = run;'] : compileC(crate)),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

function compileC({ name }: Crate): string[] {
  return [
    '  println!("cargo:rerun-if-changed=c/part.c");',
    '  println!("cargo:rerun-if-changed=c/part.h");',
    '  let object = format!("{out_dir}/part.o");',
    `  let archive = format!("{out_dir}/libpart_${name}.a");`,
    '  run("cc", &["-c", "c/part.c", "-fPIC", "-o", &object]);',
    '  let _ = fs::remove_file(&archive);',
    '  run("ar", &["crsD", &archive, &object]);',
    '  println!("cargo:rustc-link-search=native={out_dir}");',
    `  println!("cargo:rustc-link-lib=static=part_${name}");`,
  ];
}

function cSourceOf({ name }: Crate, body: number): string {
  return `#include "part.h"\nunsigned part_of_${name}(void) { return ${body} * 10 + PART; }\n`;
}
