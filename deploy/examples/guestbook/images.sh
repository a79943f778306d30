#!/usr/bin/env bash
# images.sh [DIR] - makes the example's images as archives in DIR (default
# .cache/images of the checkout):
#   redis.tar    guestbook/redis:1    Debian's redis-server and redis-cli
#   web.tar      guestbook/web:1      our front end (deploy/examples/guestbook/web)
#   busybox.tar  examples/busybox:1   Debian's static busybox, for kubectl exec and run
#
# Debian's packages are downloaded (apt checks their signatures) and unpacked
# under .cache; nothing is installed. What was made from the same sources
# before is kept: a second run takes well under a second. To take a newer Redis
# from Debian, remove .cache/images and run again.
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
. deploy/steps.sh

out=${1:-.cache/images}
mkdir -p "$out"
out=$(cd "$out" && pwd)

command -v go >/dev/null || fail "no Go on the PATH" "install Go and add its bin folder to PATH, then run this again"
command -v apt-get >/dev/null || fail "no apt-get" "run this on Debian; it takes Redis from Debian's packages"

# The key: our sources and the compiler. (Not Debian's versions: asking apt
# takes seconds, and this runs in each `make run`.)
key=$({
	go version
	cat deploy/examples/guestbook/images.sh deploy/examples/guestbook/web/*.{go,html} deploy/examples/mkimage/*.go
} | sha256sum | cut -c1-32)

tars=(redis.tar web.tar busybox.tar)
if [ "$(cat "$out/key" 2>/dev/null)" = "$key" ]; then
	present=1
	for t in "${tars[@]}"; do [ -s "$out/$t" ] || present=; done
	if [ "$present" ]; then
		echo "image archives in ${out#"$PWD"/} are up to date: ${tars[*]}"
		exit 0
	fi
fi
rm -f "$out/key"

work=$(mktemp -d "$out/.work-XXXXXX")
trap 'rm -rf "$work"' EXIT

# libraries PACKAGE... prints the packages and the library packages that they
# depend on, directly or not. Of alternatives (a | b) the first is taken; what
# is no library (adduser, debconf: for installing) is left out, since mkimage
# takes only the files that the programs link.
libraries() {
	apt-cache depends --recurse --important "$@" | awk -v roots="$*" '
		/^[^ |<]/ { package = $1; skip = 0 }
		/^ *\|?(Pre)?Depends:/ {
			if (!skip && $2 ~ /^lib/) needs[package] = needs[package] " " $2
			skip = ($1 ~ /^\|/)
		}
		END {
			n = split(roots, todo)
			for (i = 1; i <= n; i++) {
				if (todo[i] in seen) continue
				seen[todo[i]] = 1
				print todo[i]
				m = split(needs[todo[i]], more)
				for (j = 1; j <= m; j++) todo[++n] = more[j]
			}
		}'
}

plan "images: download and unpack Debian's redis-server with its libraries, and busybox-static" \
	"images: build the front end" "images: write the archives"
step
debs=$out/.debs
mkdir -p "$debs"
chmod 755 "$debs"
apt-cache show redis-server >/dev/null 2>&1 ||
	fail "apt knows no package redis-server" "run: apt-get update"
mapfile -t packages < <(libraries redis-server redis-tools)
# As root, apt drops to _apt for the download if it may write here; it warns
# otherwise, which is of no interest.
(cd "$debs" && apt-get download -qq -o APT::Sandbox::User=root "${packages[@]}" busybox-static) ||
	fail "Debian's packages could not be downloaded" "see that the machine reaches its Debian mirror, run: apt-get update, then run this again"

root=$work/root
for p in "${packages[@]}" busybox-static; do
	deb=$(ls -t "$debs/${p}"_*.deb | head -n 1)
	dpkg-deb -x "$deb" "$root" || fail "$deb cannot be unpacked" "remove ${debs#"$PWD"/} and run this again"
done

printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$work/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$work/group"

step
hint "read the compiler's lines above; see that Go is the one that go.mod names: go version"
export CGO_ENABLED=0
go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/web" ./deploy/examples/guestbook/web
go build -trimpath -o "$work/mkimage" ./deploy/examples/mkimage

step
hint "remove ${out#"$PWD"/} and run this again"
accounts=(-file "$work/passwd=/etc/passwd" -file "$work/group=/etc/group" -dir /tmp:1777)

"$work/mkimage" -tag guestbook/redis:1 -out "$out/redis.tar" "${accounts[@]}" \
	-program /usr/bin/redis-server="$root" -program /usr/bin/redis-cli="$root" \
	-dir /data:0755:65534 -workdir /data -user 65534:65534 -port 6379/tcp \
	-env PATH=/usr/bin -entrypoint redis-server \
	-cmd --bind -cmd 0.0.0.0 -cmd --protected-mode -cmd no -cmd --appendonly -cmd yes

"$work/mkimage" -tag guestbook/web:1 -out "$out/web.tar" "${accounts[@]}" \
	-file "$work/web=/web:0755" -user 65534:65534 -port 8080/tcp -entrypoint /web

links=()
for applet in $("$root/bin/busybox" --list); do
	[ "$applet" = busybox ] || links+=(-link "/bin/$applet=busybox")
done
"$work/mkimage" -tag examples/busybox:1 -out "$out/busybox.tar" "${accounts[@]}" \
	-file "$root/bin/busybox=/bin/busybox:0755" "${links[@]}" -env PATH=/bin -cmd sh

echo "$key" >"$out/key"
finished "image archives are in ${out#"$PWD"/}: ${tars[*]}"
