/* Stands before a program that qemu emulates: what that would execute, qemu executes, and emulates
 * again. Without it the kernel refuses, since the program is another machine's. Criterion runs each
 * test in a process of its own that way.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGUMENTS_MAX 64

/* run.sh says where they are. */
#ifndef QEMU
#define QEMU "/usr/bin/qemu-aarch64"
#define ROOT "/"
#endif

int execve(const char *path, char *const arguments[], char *const environment[])
{
    const char *emulated[ARGUMENTS_MAX] = {QEMU, "-L", ROOT, "-0", arguments[0], path};
    size_t count = 6;
    for (size_t i = 1; arguments[i] != NULL; i++) {
        if (count + 1 == ARGUMENTS_MAX) {
            errno = E2BIG;
            return -1;
        }
        emulated[count++] = arguments[i];
    }
    return (int)syscall(SYS_execve, QEMU, emulated, environment);
}
