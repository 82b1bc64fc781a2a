/*
 * Preloaded into a compiler (LD_PRELOAD) to write down what it, and every program that it starts,
 * looks at: files, directories, missing paths, variables, programs. It changes nothing else: each
 * call goes on to the C library, errno and all. src/wire/observed.ts describes the records.
 *
 * A record is opened for, written with one write() and closed again: no descriptor stays that a
 * program could close, inherit or mistake for its own, and appends of several processes never mix.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define LOG "VRIFT_OBSERVED"
#define PRELOAD "LD_PRELOAD"
#define SEEN 8192

extern char **environ;

static char log_path[PATH_MAX];
static char own_path[PATH_MAX];
static char log_entry[PATH_MAX + sizeof LOG + 1];
static char own_loader[PATH_MAX];
static uint64_t seen[SEEN];
static int ready;
static pid_t own_pid;
static int has_loaded;

static const char *from_environ(const char *name) {
  size_t length = strlen(name);
  for (char **at = environ; at && *at; at++)
    if (!strncmp(*at, name, length) && (*at)[length] == '=') return *at + length + 1;
  return NULL;
}

static void append(const char *record, size_t length) {
  int fd = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
  if (fd < 0) return;
  long written = syscall(SYS_write, fd, record, length);
  syscall(SYS_close, fd);
  /* A log with gaps is worse than none. */
  if (written != (long)length) syscall(SYS_unlinkat, AT_FDCWD, log_path, 0);
}

/*
 * Whether this process has said the same before; losing a race only repeats a record. From the first
 * dynamic library on, a compiler runs macros: what it looked at before, they may look at again.
 */
static int is_repeated(const char *record, size_t length) {
  uint64_t hash = 1469598103934665603u + (uint64_t)has_loaded;
  for (size_t at = 0; at < length; at++) hash = (hash ^ (uint8_t)record[at]) * 1099511628211u;
  uint64_t *slot = &seen[hash % SEEN];
  if (__atomic_load_n(slot, __ATOMIC_RELAXED) == hash) return 1;
  __atomic_store_n(slot, hash, __ATOMIC_RELAXED);
  return 0;
}

/* KIND PID SPACE WORDS NUL: the words of a path are the directory it starts from, '/', the path. */
static void put(char kind, const char *directory, const char *text) {
  char record[2 * PATH_MAX + 64];
  int slash = directory[0] != 0 && text[0] != 0;
  int length = snprintf(record, sizeof record, "%c%d %s%s%s", kind, (int)getpid(), directory,
                        slash ? "/" : "", text);
  if (length < 0 || (size_t)length >= sizeof record) return;
  if (!is_repeated(record, length + 1)) append(record, length + 1);
  if (kind == 'r' && length > 3 && !strcmp(record + length - 3, ".so")) has_loaded = 1;
}

static void begin(void);
static void resolve(void);

/*
 * The dynamic loader that a program asks for, '' for a static one or none at all; of a script, its
 * interpreter's. Another C library's loader would refuse this one's symbols, and the program with
 * them.
 */
static void loader_of(const char *program, char *loader, int depth) {
  char head[4096];
  loader[0] = 0;
  int fd = syscall(SYS_openat, AT_FDCWD, program, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return;
  long size = syscall(SYS_pread64, fd, head, sizeof head - 1, 0L);
  syscall(SYS_close, fd);
  if (size < 2) return;
  head[size] = 0;
  if (head[0] == '#' && head[1] == '!') {
    char *name = head + 2 + strspn(head + 2, " \t");
    name[strcspn(name, " \t\n")] = 0;
    if (depth < 4) loader_of(name, loader, depth + 1);
    return;
  }
  if (size < (long)sizeof(ElfW(Ehdr))) return;
  const ElfW(Ehdr) *elf = (const ElfW(Ehdr) *)head;
  if (memcmp(head, ELFMAG, SELFMAG) || head[EI_CLASS] != (sizeof(void *) == 8 ? 2 : 1)) return;
  for (int at = 0; at < elf->e_phnum; at++) {
    uint64_t offset = elf->e_phoff + (uint64_t)at * sizeof(ElfW(Phdr));
    if (offset + sizeof(ElfW(Phdr)) > (uint64_t)size) return;
    const ElfW(Phdr) *part = (const ElfW(Phdr) *)(head + offset);
    if (part->p_type != PT_INTERP) continue;
    if (part->p_offset >= (uint64_t)size || part->p_filesz >= PATH_MAX) return;
    snprintf(loader, PATH_MAX, "%s", head + part->p_offset);
    return;
  }
}

static void note(char kind, const char *text) {
  int kept = errno;
  if (!ready) begin();
  if (log_path[0]) put(kind, "", text);
  errno = kept;
}

static void note_path(char kind, int dirfd, const char *path) {
  int kept = errno;
  if (!ready) begin();
  if (log_path[0] && path) {
    char directory[PATH_MAX] = "";
    if (path[0] != '/') {
      char link[64];
      long length;
      if (dirfd == AT_FDCWD) {
        length = syscall(SYS_getcwd, directory, sizeof directory) > 0 ? 0 : -1;
      } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
        length = syscall(SYS_readlinkat, AT_FDCWD, link, directory, sizeof directory - 1);
        if (length > 0) directory[length] = 0;
      }
      if (length < 0) directory[0] = 0;
    }
    put(kind, directory, path);
  }
  errno = kept;
}

static int is_missing(void) { return errno == ENOENT || errno == ENOTDIR; }

/* Whatever else went wrong (rights, descriptors) says nothing about what is on the disk. */
static void note_outcome(int worked, char there, char missing, int dirfd, const char *path) {
  if (worked) note_path(there, dirfd, path);
  else if (is_missing()) note_path(missing, dirfd, path);
  else note_path('?', dirfd, path);
}

/* The dynamic loader opens libraries without anybody's help; we are in none of the lists. */
static uint64_t begun_with[128];
static int begun_count;

static void note_path(char kind, int dirfd, const char *path);

static int note_library(struct dl_phdr_info *library, size_t size, void *late) {
  (void)size;
  const char *path = library->dlpi_name;
  /* One without a slash is the kernel's. */
  if (!path || !strchr(path, '/') || !strcmp(path, own_path)) return 0;
  uint64_t hash = 1469598103934665603u;
  for (const char *at = path; *at; at++) hash = (hash ^ (uint8_t)*at) * 1099511628211u;
  if (!late) {
    if (begun_count < 128) begun_with[begun_count++] = hash;
    note_path('l', AT_FDCWD, path);
    return 0;
  }
  for (int at = 0; at < begun_count; at++)
    if (begun_with[at] == hash) return 0;
  note_path('o', AT_FDCWD, path);
  return 0;
}

/*
 * What was opened since the start (dlopen: to stand in its place would change where it searches), and
 * is there still. A child between fork and exec has its parent's list, and must not ask.
 */
static void note_opened(void) {
  int kept = errno;
  if (log_path[0] && getpid() == own_pid) dl_iterate_phdr(note_library, &begun_count);
  errno = kept;
}

/*
 * Whether an argument of this process asks a compiler for code for the processor at hand
 * (`-march=native`, `target-cpu=native`): it asks the processor itself, which nobody can see.
 */
static int is_native(void) {
  static const char wanted[] = "=native";
  char chunk[4096];
  size_t kept = 0;
  int found = 0;
  int fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return 0;
  for (long got; !found && (got = syscall(SYS_read, fd, chunk + kept, sizeof chunk - kept)) > 0;) {
    size_t length = kept + (size_t)got;
    found = memmem(chunk, length, wanted, sizeof wanted - 1) != NULL;
    kept = length < sizeof wanted ? length : sizeof wanted - 1;
    memmove(chunk, chunk + length - kept, kept);
  }
  syscall(SYS_close, fd);
  return found;
}

__attribute__((destructor)) static void end(void) { note_opened(); }

__attribute__((constructor)) static void begin(void) {
  if (ready) return;
  ready = 1;
  resolve();
  const char *path = from_environ(LOG);
  const char *preload = from_environ(PRELOAD);
  if (!path || !preload || strlen(path) >= sizeof log_path) return;
  size_t length = strcspn(preload, ":");
  if (length >= sizeof own_path) return;
  memcpy(own_path, preload, length);
  own_path[length] = 0;
  snprintf(log_entry, sizeof log_entry, LOG "=%s", path);
  strcpy(log_path, path);
  char parent[32];
  snprintf(parent, sizeof parent, "%d", (int)getppid());
  char program[PATH_MAX];
  long got = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", program, sizeof program - 1);
  program[got > 0 ? got : 0] = 0;
  put('P', "", parent);
  put('X', "", program);
  if (is_native()) put('m', "", "processor");
  loader_of(program, own_loader, 0);
  own_pid = getpid();
  dl_iterate_phdr(note_library, NULL);
}

/*
 * All of the C library's own are looked up at the start: a child between fork and exec must not
 * ask the dynamic loader, whose lock another thread may have held.
 */
int __open_2(const char *, int);
int __open64_2(const char *, int);
int __gethostname_chk(char *, size_t, size_t);
#define REALS(each) \
  each(open) each(open64) each(openat) each(openat64) each(__open_2) each(__open64_2) \
  each(fopen) each(fopen64) each(opendir) each(fdopendir) each(stat) each(stat64) each(lstat) \
  each(lstat64) each(fstatat) each(fstatat64) each(statx) each(access) each(faccessat) \
  each(readlink) each(realpath) each(getenv) each(connect) each(gethostname) each(__gethostname_chk) each(uname) \
  each(dlclose) each(clock_gettime) each(gettimeofday) each(time) each(execve) each(execvpe) each(posix_spawn) \
  each(posix_spawnp)
#define DECLARE(name) static __typeof__(&name) real_##name;
REALS(DECLARE)
#define RESOLVE(name) real_##name = (__typeof__(&name))dlsym(RTLD_NEXT, #name);
static void resolve(void) { REALS(RESOLVE) }

/* The first call can come before our own constructor. */
#define REAL(name) \
  if (!real_##name) resolve(); \
  __typeof__(&name) real = real_##name

/* Opening. */

static char kind_of(int flags) {
  if (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) return 'w';
  return 'r';
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    __builtin_va_list list; \
    __builtin_va_start(list, flags); \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? __builtin_va_arg(list, mode_t) : 0; \
    __builtin_va_end(list); \
    int fd = real(path, flags, mode); \
    note_outcome(fd >= 0, kind_of(flags), 'n', AT_FDCWD, path); \
    return fd; \
  }
#define OPENAT(name) \
  int name(int dirfd, const char *path, int flags, ...) { \
    REAL(name); \
    __builtin_va_list list; \
    __builtin_va_start(list, flags); \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? __builtin_va_arg(list, mode_t) : 0; \
    __builtin_va_end(list); \
    int fd = real(dirfd, path, flags, mode); \
    note_outcome(fd >= 0, kind_of(flags), 'n', dirfd, path); \
    return fd; \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

#define OPEN_2(name) \
  int name(const char *path, int flags) { \
    REAL(name); \
    int fd = real(path, flags); \
    note_outcome(fd >= 0, kind_of(flags), 'n', AT_FDCWD, path); \
    return fd; \
  }
OPEN_2(__open_2)
OPEN_2(__open64_2)

#define FOPEN(name) \
  FILE *name(const char *path, const char *mode) { \
    REAL(name); \
    FILE *file = real(path, mode); \
    char kind = mode[0] == 'r' && !strchr(mode, '+') ? 'r' : 'w'; \
    note_outcome(file != NULL, kind, 'n', AT_FDCWD, path); \
    return file; \
  }
FOPEN(fopen)
FOPEN(fopen64)

DIR *opendir(const char *path) {
  REAL(opendir);
  DIR *directory = real(path);
  note_outcome(directory != NULL, 'd', 'n', AT_FDCWD, path);
  return directory;
}

DIR *fdopendir(int fd) {
  REAL(fdopendir);
  DIR *directory = real(fd);
  if (directory) note_path('d', fd, ".");
  return directory;
}

/* Looking. */

/*
 * Headers say that paths are never null, and compilers believe it; programs ask with null whether
 * the kernel knows a call. An empty path means the descriptor itself.
 */
__attribute__((noipa)) static int is_named(const char *path) { return path && path[0]; }

#define STAT(name, type) \
  int name(const char *path, type *buffer) { \
    REAL(name); \
    int result = real(path, buffer); \
    note_outcome(result == 0, 's', 'n', AT_FDCWD, path); \
    return result; \
  }
STAT(stat, struct stat)
STAT(stat64, struct stat64)
STAT(lstat, struct stat)
STAT(lstat64, struct stat64)

#define FSTATAT(name, type) \
  int name(int dirfd, const char *path, type *buffer, int flags) { \
    REAL(name); \
    int result = real(dirfd, path, buffer, flags); \
    if (is_named(path)) note_outcome(result == 0, 's', 'n', dirfd, path); \
    return result; \
  }
FSTATAT(fstatat, struct stat)
FSTATAT(fstatat64, struct stat64)

int statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buffer) {
  REAL(statx);
  int result = real(dirfd, path, flags, mask, buffer);
  if (is_named(path)) note_outcome(result == 0, 's', 'n', dirfd, path);
  return result;
}

int access(const char *path, int mode) {
  REAL(access);
  int result = real(path, mode);
  note_outcome(result == 0, 's', 'n', AT_FDCWD, path);
  return result;
}

int faccessat(int dirfd, const char *path, int mode, int flags) {
  REAL(faccessat);
  int result = real(dirfd, path, mode, flags);
  note_outcome(result == 0, 's', 'n', dirfd, path);
  return result;
}

ssize_t readlink(const char *path, char *buffer, size_t size) {
  REAL(readlink);
  ssize_t result = real(path, buffer, size);
  note_outcome(result >= 0, 's', 'n', AT_FDCWD, path);
  return result;
}

char *realpath(const char *path, char *resolved) {
  REAL(realpath);
  char *result = real(path, resolved);
  note_outcome(result != NULL, 's', 'n', AT_FDCWD, path);
  return result;
}

/* Variables. Our own two are nobody's business. */

static char *seen_by_program(const char *name) {
  REAL(getenv);
  if (!ready) begin();
  char *value = real(name);
  if (!value || !log_path[0]) return value;
  if (!strcmp(name, LOG)) return NULL;
  if (strcmp(name, PRELOAD)) return value;
  char *rest = strchr(value, ':');
  return rest ? rest + 1 : NULL;
}

char *getenv(const char *name) {
  note('e', name);
  return seen_by_program(name);
}

char *secure_getenv(const char *name) { return getenv(name); }

/* Libraries that are opened while a program runs. */

int dlclose(void *library) {
  REAL(dlclose);
  note_opened();
  return real(library);
}

void _exit(int code) {
  note_opened();
  syscall(SYS_exit_group, code);
  __builtin_unreachable();
}

void _Exit(int code) { _exit(code); }

/* The network: what comes from there is no file of this machine. */

int connect(int socket, __CONST_SOCKADDR_ARG address, socklen_t length) {
  REAL(connect);
  const struct sockaddr *to = address.__sockaddr__;
  if (to && (to->sa_family == AF_INET || to->sa_family == AF_INET6)) note('c', "inet");
  return real(socket, address, length);
}

/* What time of day it is; how long something takes is another question. */

int clock_gettime(clockid_t clock, struct timespec *now) {
  REAL(clock_gettime);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) note('t', "now");
  return real(clock, now);
}

int gettimeofday(struct timeval *now, void *zone) {
  REAL(gettimeofday);
  note('t', "now");
  return real(now, zone);
}

time_t time(time_t *now) {
  REAL(time);
  note('t', "now");
  return real(now);
}

/* Which machine this is. */

int gethostname(char *name, size_t length) {
  REAL(gethostname);
  note('m', "host");
  return real(name, length);
}

/* What gcc makes of it where it checks sizes. */
int __gethostname_chk(char *name, size_t length, size_t size) {
  REAL(__gethostname_chk);
  note('m', "host");
  return real(name, length, size);
}

int uname(struct utsname *about) {
  REAL(uname);
  note('m', "host");
  return real(about);
}

/* Programs. A program that starts another with an environment of its own must not lose us. */

static int is_entry(const char *entry, const char *name) {
  size_t length = strlen(name);
  return !strncmp(entry, name, length) && entry[length] == '=';
}

static size_t count(char *const *list) {
  size_t many = 0;
  while (list && list[many]) many++;
  return many;
}

/* Room for `preload`: its own entry may have to hold another library's name behind ours. */
static char **with_observer(char *const *given, char **room, char *preload, size_t size, int see) {
  size_t many = 0;
  const char *others = "";
  for (char *const *at = given; at && *at; at++) {
    if (is_entry(*at, LOG)) continue;
    if (is_entry(*at, PRELOAD)) others = *at + sizeof PRELOAD;
    else room[many++] = *at;
  }
  size_t own = strlen(own_path);
  if (!strncmp(others, own_path, own) && (!others[own] || others[own] == ':'))
    others += own + (others[own] ? 1 : 0);
  if (see || others[0]) {
    const char *first = see ? own_path : "";
    snprintf(preload, size, PRELOAD "=%s%s%s", first, see && others[0] ? ":" : "", others);
    room[many++] = preload;
  }
  if (see) room[many++] = log_entry;
  room[many] = NULL;
  return room;
}

/* The file that a name without a slash stands for: where execvp would find it. */
static const char *found(const char *file, char *path) {
  const char *list = from_environ("PATH");
  if (strchr(file, '/') || !list) return file;
  for (;;) {
    size_t length = strcspn(list, ":");
    int written = snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, list, length ? "/" : "", file);
    if (written > 0 && written < PATH_MAX &&
        syscall(SYS_faccessat, AT_FDCWD, path, X_OK) == 0)
      return path;
    if (written > 0 && written < PATH_MAX) note_path('n', AT_FDCWD, path);
    if (!list[length]) return file;
    list += length + 1;
  }
}

/* Whether a program that is about to start will have us: it is told so in its environment. */
static int is_seen(const char *program) {
  char loader[PATH_MAX];
  int kept = errno;
  loader_of(program, loader, 0);
  errno = kept;
  int same = own_loader[0] && !strcmp(loader, own_loader);
  note_path(same ? 'p' : 'b', AT_FDCWD, program);
  return same;
}

#define OBSERVED(file, given) \
  if (!ready) begin(); \
  char *room[count(given) + 3]; \
  char preload[2 * PATH_MAX + 32]; \
  char path[PATH_MAX]; \
  char **envp = log_path[0] ? with_observer(given, room, preload, sizeof preload, \
                                            is_seen(found(file, path))) \
                            : (char **)given

int execve(const char *program, char *const argv[], char *const given[]) {
  REAL(execve);
  note_opened();
  OBSERVED(program, given);
  return real(program, argv, envp);
}

int execv(const char *program, char *const argv[]) { return execve(program, argv, environ); }

int execvpe(const char *file, char *const argv[], char *const given[]) {
  REAL(execvpe);
  note_opened();
  OBSERVED(file, given);
  return real(file, argv, envp);
}

int execvp(const char *file, char *const argv[]) { return execvpe(file, argv, environ); }

int posix_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[], char *const given[]) {
  REAL(posix_spawn);
  OBSERVED(program, given);
  return real(pid, program, actions, attributes, argv, envp);
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const argv[], char *const given[]) {
  REAL(posix_spawnp);
  OBSERVED(file, given);
  return real(pid, file, actions, attributes, argv, envp);
}
