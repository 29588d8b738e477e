/* SPDX-License-Identifier: MIT */
/*
 * Linked ahead of mm and the scenes, as sim_last.c is behind them: what lies
 * between the marks is their state.
 */
#include "sim_impl.h"

_Alignas(64) char sim_first_data[64] = { 1 };
_Alignas(64) char sim_first_bss[64];
