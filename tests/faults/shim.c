/* Loaded before the C library: lets chosen system calls below one folder fail, or writes them down.
 *
 * SHIM_ROOT     only files below this folder count
 * SHIM_ROOM     so many bytes can be written there, then the disk is full (ENOSPC)
 * SHIM_FAIL     "call:errno:n" lets the n-th such call fail, "call:errno:n+" all from the n-th on;
 *               the call "change" is every one that changes the disk, "fsync_root" that of the root
 * SHIM_CLOCK    so many seconds are added to the time of day
 * SHIM_TRACE    a file that gets one record per call, with the bytes that were written
 *
 * A record is a header line "number call result flag offset length path1 path2\n" whose paths are
 * percent-encoded, followed by `length` raw bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real_of(#name))

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int ready, trace = -1, fail_errno, fail_on;
static char root[PATH_MAX], fail_call[32];
static size_t root_length;
static long fail_at, failures, number;
static long clock_offset;
static int has_room;
static long long room;

static void *real_of(const char *name) { return dlsym(RTLD_NEXT, name); }

static int errno_of(const char *name) {
    if (!strcmp(name, "ENOSPC")) return ENOSPC;
    if (!strcmp(name, "EROFS")) return EROFS;
    if (!strcmp(name, "EDQUOT")) return EDQUOT;
    if (!strcmp(name, "EACCES")) return EACCES;
    return EIO;
}

static void prepare(void) {
    if (ready) return;
    ready = 1;
    const char *text = getenv("SHIM_ROOT");
    if (text) { strncpy(root, text, sizeof root - 1); root_length = strlen(root); }
    if ((text = getenv("SHIM_ROOM"))) { has_room = 1; room = atoll(text); }
    if ((text = getenv("SHIM_CLOCK"))) clock_offset = atol(text);
    if ((text = getenv("SHIM_FAIL"))) {
        char name[32] = "", plus = 0;
        sscanf(text, "%31[^:]:%31[^:]:%ld%c", fail_call, name, &fail_at, &plus);
        fail_errno = errno_of(name);
        fail_on = plus == '+';
    }
    if ((text = getenv("SHIM_TRACE")))
        trace = syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Return whether the path counts; *out* gets it absolute. */
static int absolute(int folder, const char *path, char *out) {
    if (path[0] == '/') { snprintf(out, PATH_MAX, "%s", path); }
    else {
        char base[PATH_MAX] = "";
        if (folder == AT_FDCWD) { if (!getcwd(base, sizeof base)) return 0; }
        else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t length = readlink(link, base, sizeof base - 1);
            if (length <= 0) return 0;
            base[length] = 0;
        }
        if (snprintf(out, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
    }
    /* "/a/./b" and "/a//b" are "/a/b". */
    char *from = out, *to = out;
    while (*from) {
        if (from[0] == '/' && from[1] == '/') { from++; continue; }
        if (from[0] == '/' && from[1] == '.' && (from[2] == '/' || !from[2])) { from += 2; continue; }
        *to++ = *from++;
    }
    *to = 0;
    return root_length && !strncmp(out, root, root_length) && (out[root_length] == '/' || !out[root_length]);
}

static int of_fd(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, out, PATH_MAX - 1);
    if (length <= 0) return 0;
    out[length] = 0;
    return root_length && !strncmp(out, root, root_length);
}

/* Return 1, with errno set, if this call is to fail. */
static int fails(const char *call, int changes) {
    if (!fail_call[0]) return 0;
    if (strcmp(fail_call, call) && !(changes && !strcmp(fail_call, "change"))) return 0;
    failures++;
    if (failures == fail_at || (fail_on && failures > fail_at)) { errno = fail_errno; return 1; }
    return 0;
}

static void encode(const char *path, char *out) {
    for (; *path; path++) {
        if (*path > ' ' && *path != '%' && *path != 127) *out++ = *path;
        else out += sprintf(out, "%%%02X", (unsigned char)*path);
    }
    *out = 0;
}

static void note(const char *call, long result, long flag, long long offset, const char *one,
                 const char *two, const void *data, size_t length) {
    if (trace < 0) return;
    int before = errno;
    char a[3 * PATH_MAX], b[3 * PATH_MAX], head[7 * PATH_MAX];
    encode(one && *one ? one : "-", a);
    encode(two && *two ? two : "-", b);
    int size = snprintf(head, sizeof head, "%ld %s %ld %ld %lld %zu %s %s\n", ++number, call, result,
                        flag, offset, length, a, b);
    struct iovec parts[2] = {{head, size}, {(void *)data, length}};
    syscall(SYS_writev, trace, parts, length ? 2 : 1);
    errno = before;
}

/* How many of *wanted* bytes fit; 0 with errno set if none does. */
static size_t fitting(size_t wanted) {
    if (!has_room) return wanted;
    if (room <= 0 && wanted) { errno = ENOSPC; return 0; }
    size_t fits = (long long)wanted < room ? wanted : (size_t)room;
    room -= fits;
    return fits;
}

#define BEGIN prepare(); pthread_mutex_lock(&lock)
#define END pthread_mutex_unlock(&lock)

ssize_t write(int fd, const void *data, size_t length) {
    char path[PATH_MAX];
    BEGIN;
    ssize_t result;
    if (fd == trace || !of_fd(fd, path)) { END; return REAL(write)(fd, data, length); }
    long long offset = lseek(fd, 0, SEEK_CUR);
    if (fcntl(fd, F_GETFL) & O_APPEND) { struct stat s; fstat(fd, &s); offset = s.st_size; }
    size_t fits = fails("write", 1) ? 0 : fitting(length);
    if (!fits && length) result = -1;
    else result = REAL(write)(fd, data, fits);
    note("write", result, 0, offset, path, NULL, data, result > 0 ? result : 0);
    END;
    return result;
}

static ssize_t positioned(int fd, const void *data, size_t length, off_t offset) {
    char path[PATH_MAX];
    BEGIN;
    ssize_t result;
    if (!of_fd(fd, path)) { END; return syscall(SYS_pwrite64, fd, data, length, offset); }
    size_t fits = fails("write", 1) ? 0 : fitting(length);
    if (!fits && length) result = -1;
    else result = syscall(SYS_pwrite64, fd, data, fits, offset);
    note("write", result, 0, offset, path, NULL, data, result > 0 ? result : 0);
    END;
    return result;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return positioned(fd, data, length, offset); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return positioned(fd, data, length, offset); }

/* Part by part: a short answer is allowed. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    prepare();
    if (!of_fd(fd, path)) return syscall(SYS_writev, fd, parts, count);
    for (int place = 0; place < count; place++)
        if (parts[place].iov_len) return write(fd, parts[place].iov_base, parts[place].iov_len);
    return 0;
}

static int synced(int fd, const char *call) {
    char path[PATH_MAX];
    BEGIN;
    int counts = of_fd(fd, path), result = -1;
    int is_root = counts && !strcmp(path, root);
    if (!counts || !(fails("fsync", 1) || (is_root && fails("fsync_root", 0))))
        result = syscall(!strcmp(call, "fsync") ? SYS_fsync : SYS_fdatasync, fd);
    if (counts) note("fsync", result, 0, 0, path, NULL, NULL, 0);
    END;
    return result;
}

int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }

int close(int fd) {
    char path[PATH_MAX];
    BEGIN;
    int writes = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
    int counts = of_fd(fd, path), result = syscall(SYS_close, fd);
    /* A close that fails has closed all the same. */
    if (counts && writes && result == 0 && fails("close", 0)) result = -1;
    END;
    return result;
}

static int opened(int folder, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    BEGIN;
    int result = -1, counts = absolute(folder, path, full);
    int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT);
    int fresh = counts && (flags & O_CREAT) && access(full, F_OK) != 0;
    if (!(counts && writes && fails("open", fresh || (flags & O_TRUNC)))) 
        result = syscall(SYS_openat, folder, path, flags, mode);
    if (counts && result >= 0 && fresh) note("create", result, 0, 0, full, NULL, NULL, 0);
    else if (counts && result >= 0 && (flags & O_TRUNC)) note("truncate", 0, 0, 0, full, NULL, NULL, 0);
    END;
    return result;
}

#define WITH_MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) { WITH_MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { WITH_MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { WITH_MODE(flags) return opened(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { WITH_MODE(flags) return opened(folder, path, flags, mode); }

static int shortened(int fd, off_t length) {
    char path[PATH_MAX];
    BEGIN;
    int counts = of_fd(fd, path), result = -1;
    if (!counts || !fails("truncate", 1)) result = syscall(SYS_ftruncate, fd, length);
    if (counts && result == 0) note("truncate", result, 0, length, path, NULL, NULL, 0);
    END;
    return result;
}

int ftruncate(int fd, off_t length) { return shortened(fd, length); }
int ftruncate64(int fd, off64_t length) { return shortened(fd, length); }

static int moved(int a, const char *one, int b, const char *two, unsigned flags) {
    char from[PATH_MAX], to[PATH_MAX];
    BEGIN;
    int counts = absolute(a, one, from) | absolute(b, two, to), result = -1;
    if (!counts || !fails("rename", 1)) result = syscall(SYS_renameat2, a, one, b, two, flags);
    if (counts && result == 0) note("rename", result, flags, 0, from, to, NULL, 0);
    END;
    return result;
}

int rename(const char *one, const char *two) { return moved(AT_FDCWD, one, AT_FDCWD, two, 0); }
int renameat(int a, const char *one, int b, const char *two) { return moved(a, one, b, two, 0); }
int renameat2(int a, const char *one, int b, const char *two, unsigned flags) { return moved(a, one, b, two, flags); }

static int linked(int a, const char *one, int b, const char *two, int flags) {
    char from[PATH_MAX], to[PATH_MAX];
    BEGIN;
    int counts = absolute(a, one, from) | absolute(b, two, to), result = -1;
    if (!counts || !fails("rename", 1)) result = syscall(SYS_linkat, a, one, b, two, flags);
    if (counts && result == 0) note("link", result, 0, 0, from, to, NULL, 0);
    END;
    return result;
}

int link(const char *one, const char *two) { return linked(AT_FDCWD, one, AT_FDCWD, two, 0); }
int linkat(int a, const char *one, int b, const char *two, int flags) { return linked(a, one, b, two, flags); }

static int made(int folder, const char *path, mode_t mode) {
    char full[PATH_MAX];
    BEGIN;
    int counts = absolute(folder, path, full), result = -1;
    if (!counts || !fails("mkdir", 1)) result = syscall(SYS_mkdirat, folder, path, mode);
    if (counts && result == 0) note("mkdir", result, mode, 0, full, NULL, NULL, 0);
    END;
    return result;
}

int mkdir(const char *path, mode_t mode) { return made(AT_FDCWD, path, mode); }
int mkdirat(int folder, const char *path, mode_t mode) { return made(folder, path, mode); }

static int removed(int folder, const char *path, int flags) {
    char full[PATH_MAX];
    BEGIN;
    int counts = absolute(folder, path, full), result = -1;
    if (!counts || !fails("unlink", 1)) result = syscall(SYS_unlinkat, folder, path, flags);
    if (counts && result == 0) note("unlink", result, flags, 0, full, NULL, NULL, 0);
    END;
    return result;
}

int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }
int unlinkat(int folder, const char *path, int flags) { return removed(folder, path, flags); }
int remove(const char *path) {
    int result = removed(AT_FDCWD, path, 0);
    return result < 0 && errno == EISDIR ? removed(AT_FDCWD, path, AT_REMOVEDIR) : result;
}

int clock_gettime(clockid_t clock, struct timespec *found) {
    prepare();
    int result = syscall(SYS_clock_gettime, clock, found);
    if (result == 0 && clock == CLOCK_REALTIME) found->tv_sec += clock_offset;
    return result;
}
