# mincpu.sh N ROUNDS FILE...
n=$1 r=$2; shift 2; : >/tmp/g/cpu.out
for ((i=0;i<r;i++)); do for f in "$@"; do bash /tmp/g/cpu.sh /tmp/g/$f.sql $n >>/tmp/g/cpu.out; done; done
for f in "$@"; do grep "^$f.sql" /tmp/g/cpu.out | awk -v f=$f '{c[NR]=$3; w[NR]=$6} END {asort(c); asort(w); printf "%-20s cpu min %s med %s   wall min %s med %s\n", f, c[1], c[int((NR+1)/2)], w[1], w[int((NR+1)/2)]}'; done
