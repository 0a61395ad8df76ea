// Written by `npm run gen`: do not edit.
import type { Driver } from '../contract.ts';
import { command } from './command.ts';
import { gpio } from './gpio.ts';
import { homeassistant } from './homeassistant.ts';
import { ipmi } from './ipmi.ts';
import { lab } from './lab.ts';
import { libvirt } from './libvirt.ts';
import { manual } from './manual.ts';
import { poe } from './poe.ts';
import { qemu } from './qemu.ts';
import { redfish } from './redfish.ts';
import { shelly } from './shelly.ts';
import { tasmota } from './tasmota.ts';
import { usbHub } from './usb-hub.ts';
import { wol } from './wol.ts';

/** Every power driver, by the name that `power` has. */
export const drivers: Readonly<Record<string, Driver>> = {
  command,
  gpio,
  homeassistant,
  ipmi,
  lab,
  libvirt,
  manual,
  poe,
  qemu,
  redfish,
  shelly,
  tasmota,
  'usb-hub': usbHub,
  wol,
};
