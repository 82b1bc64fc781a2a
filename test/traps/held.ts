import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../harness/programs.js';
import { type Files, manifest, type Project } from './support.js';

/** `hold!(here)` says in `held-here` which process expands it, and waits for the file `go-here`. */
export const HELD: Files = {
  'app/Cargo.toml': `${manifest('app')}[dependencies]\nhold = { path = "hold" }\n[workspace]\n`,
  'app/hold/Cargo.toml': manifest('hold', '[lib]\nproc-macro = true\n'),
  'app/hold/src/lib.rs': `use std::{env, fs, path::Path, process, thread, time::Duration};
    #[proc_macro]
    pub fn hold(place: proc_macro::TokenStream) -> proc_macro::TokenStream {
      let dir = env::var("CARGO_MANIFEST_DIR").unwrap();
      let dir = Path::new(&dir);
      fs::write(dir.join("held.tmp"), process::id().to_string()).unwrap();
      fs::rename(dir.join("held.tmp"), dir.join(format!("held-{place}"))).unwrap();
      for _ in 0..6000 {
        if dir.join("abort").exists() { process::abort(); }
        if dir.join(format!("go-{place}")).exists() { return Default::default(); }
        thread::sleep(Duration::from_millis(5));
      }
      panic!("nobody said go");
    }\n`,
};

/** The compiler that stands in the macro. */
export function held(project: Project, place = 'here'): Promise<number> {
  return until('the compiler is in the macro', async () => {
    const text = await readFile(join(project.dir, `held-${place}`), 'utf8').catch(() => '');
    return text === '' ? undefined : Number(text);
  });
}
