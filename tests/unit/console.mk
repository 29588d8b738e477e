# SPDX-License-Identifier: MIT
unit-y += test_ring
test_ring-srcs := console/ring.c

unit-y += test_uart
test_uart-srcs := console/uart_ns16550.c console/uart_sifive.c \
	console/uart_firmware.c

line-srcs := console/line.c console/line_edit.c console/line_history.c \
	console/line_view.c
unit-y += test_line test_line_noise
test_line-srcs := $(line-srcs) tests/unit/line_screen.c
test_line_noise-srcs := $(test_line-srcs)

unit-y += test_console
test_console-srcs := $(line-srcs) console/console.c console/input.c \
	console/output.c console/ring.c console/uart_ns16550.c \
	console/uart_sifive.c console/uart_firmware.c kernel/fmt.c \
	tests/unit/console_world.c

unit-y += test_output
test_output-srcs := console/output.c kernel/fmt.c
test_output-san := tsan
