/* SPDX-License-Identifier: MIT */
/* Linked behind mm and the scenes: see sim_first.c. */
#include "sim_impl.h"

_Alignas(64) char sim_last_data[64] = { 1 };
_Alignas(64) char sim_last_bss[64];
