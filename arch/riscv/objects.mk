# SPDX-License-Identifier: MIT
# boot.o is first in the image by its section, not by its place here.
arch-y += backtrace.o
arch-y += boot.o
arch-y += hart.o
arch-y += instr.o
arch-y += mag.o
arch-y += mag_frame.o
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

# Where a push goes when the loaded magazine has no room, and the like.
ARCH_LDFLAGS := -Xlinker --defsym=arch_mag_push_slow=kmem_free_for \
	-Xlinker --defsym=arch_mag_cold_claim=kmem_cold_claim \
	-Xlinker --defsym=arch_mag_cold_empty=kmem_cold_empty \
	-Xlinker --defsym=arch_mag_cold_full=kmem_cold_full \
	-Xlinker --defsym=arch_frame_take_slow=frame_slow_take \
	-Xlinker --defsym=arch_frame_give_slow=frame_slow_give \
	-Xlinker --defsym=arch_frame_give_far=frame_far_give \
	-Xlinker --defsym=arch_frame_give_bad=frame_bad_give

# Not on any hot way.
$(foreach f,backtrace hart instr mmu plic sbi trap,$(eval \
	CFLAGS-arch/riscv/$(f) := -Os))
