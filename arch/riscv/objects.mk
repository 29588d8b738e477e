# SPDX-License-Identifier: MIT
# boot.o is first in the image by its section, not by its place here.
arch-y += backtrace.o
arch-y += boot.o
arch-y += hart.o
arch-y += mag.o
arch-y += mmu.o
arch-y += plic.o
arch-y += sbi.o
arch-y += string.o
arch-y += time.o
arch-y += trap.o
arch-y += trap_entry.o

# The canary is struct hart's last word, 8 bytes below tp (arch/hart.h).
ARCH_CFLAGS := -fstack-protector-strong -mstack-protector-guard=tls \
	-mstack-protector-guard-reg=tp -mstack-protector-guard-offset=-8

# Where a push goes when the loaded magazine has no room.
ARCH_LDFLAGS := -Xlinker --defsym=arch_mag_push_slow=kmem_free_slow
