#!/bin/bash
# The article's script, but for its colours.
DOCKER_NETNS_SCRIPT=./docker_netns.sh
IFINDEX=$1

if [[ -z $IFINDEX ]]; then
  for namespace in $($DOCKER_NETNS_SCRIPT); do
    printf "%s:\n" $namespace
    $DOCKER_NETNS_SCRIPT $namespace ip -o link
    printf "\n"
  done
else
  for namespace in $($DOCKER_NETNS_SCRIPT); do
    if $DOCKER_NETNS_SCRIPT $namespace ip -o link | grep -Pq "^$IFINDEX: "; then
      printf "%s:\n" $namespace
      $DOCKER_NETNS_SCRIPT $namespace ip -o link | grep -P "^$IFINDEX: "
      printf "\n"
    fi
  done
fi
