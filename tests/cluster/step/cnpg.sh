#!/usr/bin/env bash
# CloudNativePG's operator as its users install it, from an image of our own.
source "$(dirname "$(readlink -f "$0")")/../common.sh"
in_containerd images ls -q | grep --quiet --line-regexp local.test/cnpg:1 || in_containerd images import "$cnpg/image.tar" >/dev/null
kubectl apply --server-side --force-conflicts -f "$cnpg/operator.yaml" >/dev/null
kubectl --namespace cnpg-system rollout status deployment/cnpg-controller-manager --timeout=180s >/dev/null
