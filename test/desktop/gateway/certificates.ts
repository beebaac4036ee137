import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshFolder } from "../cli/node-process.js";

/** For `before`: skips the tests where Debian's package openssl is missing; in CI it fails. */
export function requireOpenssl(context: Mocha.Context): void {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
  } catch {
    if (process.env.CI === "true") assert.fail("openssl is missing");
    process.stderr.write("skipped: openssl is missing\n");
    context.skip();
  }
}

/** Files of a certificate in PEM. */
export interface Certificate {
  certificate: string;
  key: string;
}

/** An authority of its own, in a temporary folder. */
export class Authority {
  /** Its certificate, a file in PEM. */
  readonly file: string;
  private readonly folder = freshFolder();
  private readonly own: Certificate;

  constructor() {
    this.own = this.files("ca");
    this.file = this.own.certificate;
    openssl("req", "-x509", ...newKey(this.own.key), "-subj", "/CN=test", "-days", "2", "-out", this.file);
  }

  /**
   * Signs a certificate for a server or a client.
   *
   * @param address of the server: an IPv4 address
   */
  issue(name: string, address = "127.0.0.1"): Certificate {
    const files = this.files(name);
    const request = join(this.folder, `${name}.csr`);
    const extensions = join(this.folder, `${name}.ext`);
    writeFileSync(extensions, `subjectAltName=IP:${address}\n`);
    openssl("req", ...newKey(files.key), "-subj", `/CN=${name}`, "-out", request);
    openssl("x509", "-req", "-in", request, "-CA", this.file, "-CAkey", this.own.key, "-CAcreateserial", "-days", "2",
      "-extfile", extensions, "-out", files.certificate);
    return files;
  }

  private files(name: string): Certificate {
    return { certificate: join(this.folder, `${name}.pem`), key: join(this.folder, `${name}.key`) };
  }
}

function newKey(file: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file];
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}
