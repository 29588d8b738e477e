# SPDX-License-Identifier: MIT
"""Bad input at boot: one clear message and a living prompt, or a clean stop."""
import os

from lib import ROOT, Session, check, compile_dts, contains, equal, folder, \
    matches, run, skip, test, write

WORKS = "print('alive', hart.count())"


def alive(result):
    equal(result.status, 0, "status")
    contains(result.out, "alive\t")


def dtb(name):
    path = os.path.join(ROOT, "dts", name)
    if not os.path.isfile(path):
        skip("no dts/%s" % name)
    return compile_dts(path)


def I2_bad_unknown_boot_argument():
    result = run(WORKS, append="frobnicate=7 console=ttyS0,115200")
    alive(result)
    equal(result.out.count("frobnicate"), 1, "warnings")


def I2_bad_malformed_boot_arguments():
    result = run(WORKS, append="mem=lots maxharts=-3 protect=iron heap=0 "
                 "lua.mem=99999999999999999999 term=42 exit=maybe loglevel=x "
                 "unsafe=perhaps =x = mem=")
    alive(result)
    for word in ("mem", "maxharts", "protect", "term"):
        matches(result.out, r"(?m)^.*%s.*$" % word)


def I2_bad_long_boot_arguments():
    alive(run(WORKS, append="x" * 3000 + " " + "y=" * 500))


def I2_bad_boot_argument_bytes():
    alive(run(WORKS, append="\x01\x7f '\"%s%n" + "\u00fc\u20ac"))


def I2_bad_run_names_a_missing_file():
    with Session(append="run=nowhere.lua") as machine:
        machine.expect("nowhere.lua")
        machine.prompt()
        contains(machine.lua("1 + 1"), "2")


def initrd_at_prompt(data, *texts):
    path = write(os.path.join(folder(), "initrd"), data)
    with Session(initrd=path) as machine:
        machine.prompt()
        for text in texts:
            contains(machine.all, text)
        contains(machine.lua("1 + 1"), "2")
        return machine.all


def ustar(name, data, size=None):
    import tarfile
    info = tarfile.TarInfo(name)
    info.size = len(data) if size is None else size
    return info.tobuf(tarfile.USTAR_FORMAT) + data + \
        b"\0" * (-len(data) % 512)


def I2_bad_initrd_garbage():
    initrd_at_prompt(bytes(range(256)) * 16)


def I2_bad_initrd_truncated():
    initrd_at_prompt(ustar("init.lua", b"print('x')\n", size=1 << 20))


def I2_bad_initrd_truncated_under_scripts():
    """Half of what was meant to be there is not run as if it were all."""
    broken = write(os.path.join(folder(), "initrd"),
                   ustar("init.lua", b"print('x')\n", size=1 << 30)[:700])
    result = run(WORKS, initrd=broken)
    equal(result.status, 1, "status")
    matches(result.out, r"initrd: .*cut off")


def I2_bad_initrd_wrong_header_sum():
    data = bytearray(ustar("init.lua", b"print('no')\n") + b"\0" * 1024)
    data[0] ^= 0x55
    text = initrd_at_prompt(bytes(data))
    check("\nno" not in text, "a damaged entry was run")


def I2_bad_initrd_empty():
    initrd_at_prompt(b"")


def I2_bad_initrd_syntax_error():
    initrd_at_prompt(b"print('x' = 3\n", "init.lua:1")


def I2_bad_initrd_error():
    initrd_at_prompt(b"error('from the initrd')\n", "from the initrd",
                     "traceback")


def I2_bad_initrd_with_no_files():
    initrd_at_prompt(b"\0" * 10240)


# ---- Device trees ----

TREE = """/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	compatible = "riscv-virtio";
	model = "riscv-virtio,qemu";
	chosen { %(chosen)s };
	%(memory)s
	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		timebase-frequency = <10000000>;
		cpu@0 {
			device_type = "cpu";
			reg = <0>;
			status = "okay";
			compatible = "riscv";
			riscv,isa = "rv64imafdc_zicsr_zifencei";
			mmu-type = "riscv,sv39";
			intc: interrupt-controller {
				#interrupt-cells = <1>;
				interrupt-controller;
				compatible = "riscv,cpu-intc";
			};
		};
	};
	soc {
		#address-cells = <2>;
		#size-cells = <2>;
		compatible = "simple-bus";
		ranges;
		clint@2000000 {
			compatible = "sifive,clint0", "riscv,clint0";
			reg = <0 0x2000000 0 0x10000>;
			interrupts-extended = <&intc 3 &intc 7>;
		};
		test@100000 {
			compatible = "sifive,test1", "sifive,test0", "syscon";
			reg = <0 0x100000 0 0x1000>;
		};
		serial@10000000 {
			compatible = "ns16550a";
			reg = <0 0x10000000 0 0x100>;
			clock-frequency = <3686400>;
		};
	};
};
"""
STDOUT = 'stdout-path = "/soc/serial@10000000";'
MEMORY = """memory@80000000 {
		device_type = "memory";
		reg = <0 0x80000000 0 %#x>;
	};"""


def stopped(result):
    """A clean stop that says why."""
    equal(result.status, 3, "status")
    matches(result.out, r"(?m)^.*error: boot: .*memory")


def with_tree(memory=MEMORY % (64 << 20), chosen=STDOUT, **keywords):
    blob = compile_dts(TREE % {"memory": memory, "chosen": chosen})
    return run(WORKS, harts=1, mem="64M", qemu_args=["-dtb", blob],
               timeout=20, **keywords)


def I2_bad_tree_control():
    """The tree below, undamaged, boots: the others fail for their reason."""
    alive(with_tree())


def I2_bad_tree_without_memory():
    result = with_tree(memory="")
    stopped(result)


def I2_bad_tree_without_stdout_path():
    alive(with_tree(chosen=""))


def I2_bad_tree_stdout_path_to_nowhere():
    alive(with_tree(chosen='stdout-path = "/soc/serial@666:115200n8";'))


def I2_bad_tree_too_little_memory():
    result = with_tree(memory=MEMORY % (3 << 20))
    stopped(result)


def I2_bad_tree_memory_of_no_bytes():
    result = with_tree(memory=MEMORY % 0)
    stopped(result)


def own_tree(name, harts, mem="128M"):
    """A tree of dts/ in the shape of QEMU's virt machine."""
    return run(WORKS, harts=harts, mem=mem, timeout=30,
               qemu_args=["-dtb", dtb(name)])


def I2_3_own_tree_of_one_hart():
    alive(own_tree("virt-1.dts", 1))


def I2_3_own_tree_of_four_harts():
    alive(own_tree("virt-4.dts", 4))
