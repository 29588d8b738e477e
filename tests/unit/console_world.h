/* SPDX-License-Identifier: MIT */
/*
 * A kernel for the tests of the console: a 16550 with a script of input, a
 * clock that moves when somebody looks at it or sleeps, harts that are a
 * number. Nothing here runs by itself.
 */
#ifndef TESTS_UNIT_CONSOLE_WORLD_H
#define TESTS_UNIT_CONSOLE_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kernel/boot.h>
#include <kernel/time.h>

#define FIFO      16u
#define STEPS_MAX 16u

/* A step of the script is done when the reader has nothing to do. */
struct step {
	const char *input; /* arrives at once, beyond the FIFO it is lost */
	void (*act)(void);
};

struct world {
	uint64_t now;
	unsigned self;
	bool irq_on, interrupt, panic;
	bool with_plic;
	void (*handler)(void *);
	struct ktimer *timers;
	struct step script[STEPS_MAX];
	unsigned step, steps;
	jmp_buf *at_end;
	struct platform platform;
	struct bootargs args;
	void (*sink)(const char *, size_t);
};

struct fake_uart {
	uint8_t rx[FIFO];
	unsigned rx_n;
	bool overrun, dead;
	char out[65536];
	size_t n;
};

extern struct world world;
extern struct fake_uart dev;

/* A new world, and console_init in it. */
void start(bool with_plic, size_t ring, enum bootargs_term term);
/* The next step of the script. */
void then(const char *input, void (*act)(void));
void interrupt(void (*fn)(void *), void *arg);
/* One byte reaches the device. */
void arrive(uint8_t byte);
/* Bytes come in at the speed that the interrupt can serve. */
void arrive_gently(const char *text);
void run_timers(void);

void write_text(const char *text);
/* Compare what the device has sent, and forget it. */
void output_is(const char *want);
void output_has(const char *part);
long read_line(char *line); /* of 256 bytes */

#endif
