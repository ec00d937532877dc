// Fields that xl.cfg(5) and its device strings have and we do not, so that a message can tell them from misspelt ones.

const FIELDS =
  'acpi acpi_firmware acpi_laptop_slate apic bios bios_path_override boot bootloader bootloader_args bootloader_restrict ' +
  'bootloader_user builder channel claim_mode cpuid cpus cpus_soft device_model_args device_model_override ' +
  'device_model_stubdomain_override device_model_user device_model_version dm_restrict driver_domain dtdev e820_host firmware ' +
  'gfx_passthru hap hdtype hpet init_seclabel iomem ioports irqs keymap localtime max_grant_version max_maptrack_frames ' +
  'mca_caps mmio_hole ms_vm_genid msr_relaxed nestedhvm nographic nomigrate nx on_soft_reset oos p9 pae passthrough pci ' +
  'pci_msitranslate pci_permissive pci_power_mgmt pci_seize pool pvcalls pvshim pvshim_cmdline pvshim_extra pvshim_path rdm ' +
  'rdm_mem_boundary rtc_timeoffset sdl seclabel serial shadow_memory smbios smbios_firmware soundhw spice stdvga ' +
  'stubdomain_cmdline stubdomain_kernel stubdomain_memory stubdomain_ramdisk timer_mode tsc_mode usb usbctrl usbdev usbdevice ' +
  'usbversion vdispl vendor_device vfb vga videoram viridian virtio vkb vmtrace_buf_kb vnc vncdisplay vnclisten vncpasswd ' +
  'vncunused vnuma vpmu vpt_align vsnd vtpm vuart xen_platform_pci';
const DISK = 'backend backendtype script specification grant_usage';
const VIF = 'gatewaydev netdev type model script backend devid vlan forwarding';

/** By the place in a configuration. */
export const unsupportedFields: Readonly<
  Record<'file' | 'domain' | 'disk' | 'vif', ReadonlySet<string>>
> = {
  file: new Set(),
  domain: new Set(FIELDS.split(' ')),
  disk: new Set(DISK.split(' ')),
  vif: new Set(VIF.split(' ')),
};
