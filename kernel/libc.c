/* SPDX-License-Identifier: MIT */
/*
 * What picolibc expects of its surroundings. There are no files: everything
 * that would need one fails with ENOSYS, and output goes to the log's sink.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

#include <kernel/klog.h>
#include <kernel/machine.h>
#include <kernel/panic.h>
#include <kernel/time.h>

static int
put(char c, FILE *f)
{
	(void)f;
	klog_raw(&c, 1);
	return (unsigned char)c;
}

static int
get(FILE *f)
{
	(void)f;
	return _FDEV_EOF;
}

static FILE console = FDEV_SETUP_STREAM(put, get, NULL, _FDEV_SETUP_RW);
FILE *const stdin = &console;
FILE *const stdout = &console;
FILE *const stderr = &console;

void
_exit(int code)
{
	machine_exit(code);
}

void
abort(void)
{
	panic("abort() was called");
}
