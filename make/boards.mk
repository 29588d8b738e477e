# SPDX-License-Identifier: MIT
# What a board needs: a card image, and ways to get the kernel there.
BOARD  ?= vf2
DEVICE ?=
TFTP   ?=
BOOTS  ?=

# A value as one word for the shell, whatever quotes it holds.
shell-word = '$(subst ','\'',$(1))'

card-flags = --image '$(O)/quarry.bin' \
	$(if $(APPEND),--append $(call shell-word,$(APPEND))) \
	$(if $(INITRD),--initrd $(call shell-word,$(INITRD)))

sdcard: setup-card ## a card image that U-Boot boots: build/sdcard.img
	$(Q)$(MAKE) $(parallel) image
	$(call say,CARD,$(B)/sdcard.img)
	$(Q)scripts/make-card $(card-flags) --output '$(B)/sdcard.img'

deploy-needs := $(if $(TFTP),image,$(if $(DEVICE),sdcard))
deploy: $(deploy-needs) ## to DEVICE=/dev/… (asks), or TFTP=folder
	$(Q)scripts/deploy --board $(call shell-word,$(BOARD)) $(if $(TFTP),\
	    $(card-flags) --tftp $(call shell-word,$(TFTP)),\
	    --card '$(B)/sdcard.img' --device $(call shell-word,$(DEVICE)))

test-boards: setup-boards ## boot every machine, U-Boot of two releases
	$(Q)tests/run --build-dir '$(B)' --boards $(TESTFLAGS)

soak-boot: setup-boards ## 100 boots of each machine (BOOTS=N for others)
	$(Q)$(MAKE) $(parallel) image
	$(Q)scripts/soak-boot --build-dir '$(B)' $(if $(BOOTS),--boots $(BOOTS))

.PHONY: sdcard deploy test-boards soak-boot
