#!/bin/sh
# Makes the container's root below a folder: the libraries that the program is linked to, and what a process expects to
# find. `sh scripts/image-root.sh FOLDER`, after the program has been built to FOLDER/app/gatehouse. Needs only a shell,
# coreutils and ldd; the Dockerfile runs it in its first stage.
set -eu
root=$1
user=65532

mkdir -p "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/etc" "$root/data"
ldd "$root/app/gatehouse" | sed -n 's/^[^/]*\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
printf 'root:x:0:0::/:/nonexistent\ngatehouse:x:%s:%s::/data:/nonexistent\n' "$user" "$user" >"$root/etc/passwd"
printf 'root:x:0:\ngatehouse:x:%s:\n' "$user" >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"
chmod 0555 "$root/app/gatehouse"
chmod 0700 "$root/data"
chown "$user:$user" "$root/data"
