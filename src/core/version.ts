/** Of this program: as package.json has it (test/core/version.test.ts). */
export const VERSION = '0.1.0'
