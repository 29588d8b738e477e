/* SPDX-License-Identifier: MIT */
/* The model of frames and slabs: operations and their comparison with mm. */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include <stdint.h>

struct op {
	uint32_t what; /* below MODEL_WEIGHTS, or MODEL_PLANTED_BUG */
	uint32_t a, b, c;
};

#define MODEL_WEIGHTS     1000u
#define MODEL_PLANTED_BUG 0xb06u

void model_start(void);
/* Do operation number i on mm and on the model; model_fail when they differ. */
void model_step(const struct op *op, unsigned i);
/* Give everything back and compare the last time. */
void model_finish(void);
/* The most objects that were live at once. */
unsigned model_most(void);
const char *model_name(const struct op *op);

_Noreturn void model_fail(const char *what, uintmax_t a, uintmax_t b);

#endif
