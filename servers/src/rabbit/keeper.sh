#!/bin/sh
# keeper.sh SERVER EPMD: runs a RabbitMQ node in the current folder, and ends it when no test has used it for a minute.
# Both servers die with this script, whatever ends it.
echo $$ >keeper
setpriv --pdeathsig KILL "$2" -port "$ERL_EPMD_PORT" -address 127.0.0.1 >/dev/null 2>&1 </dev/null &
epmd=$!
setpriv --pdeathsig KILL "$1" >out 2>err </dev/null &
server=$!
folder=$(pwd)
end() {
  kill -KILL "$server" "$epmd" 2>/dev/null
  cd / && rm -rf "$folder"
}
trap end EXIT
trap 'exit 1' TERM INT HUP
# Opened after the servers were started, which would keep them locked.
exec 8>../shared.gate 7>>../shared.users
while kill -0 "$server" 2>/dev/null && [ -d "$folder" ]; do
  sleep 2
  flock -n 8 || continue
  if flock -n 7; then
    # Nobody uses it, and nobody can come while the gate is held.
    [ -n "$(find ../shared.users -mmin -1)" ] || exit 0
    flock -u 7
  else
    touch ../shared.users
  fi
  flock -u 8
done
