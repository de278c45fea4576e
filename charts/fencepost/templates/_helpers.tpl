{{- define "fencepost.name" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}{{ $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- end }}

{{- define "fencepost.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "fencepost.metadata" -}}
name: {{ include "fencepost.name" . }}
namespace: {{ .Release.Namespace }}
{{ include "fencepost.labels" . }}
{{- end }}

{{- define "fencepost.labels" -}}
labels:
  {{- include "fencepost.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .Release.Service }}
  helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "fencepost.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "fencepost.name" .) .Values.serviceAccount.name }}
{{- else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "fencepost.subject" -}}
- kind: ServiceAccount
  name: {{ include "fencepost.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- /* Of the controller itself: where its objects are. */ -}}
{{- define "fencepost.ownRules" -}}
- apiGroups: [cr.kanister.io]
  resources: [actionsets, blueprints, profiles]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [config.kio.kasten.io]
  resources: [blueprintbindings, blueprintbindings/status]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [fencepost.io]
  resources: [transformsets]
  verbs: [get]
- apiGroups: [fencepost.io]
  resources: [obligations, webhooks, policies, policypresets, runactions, backupactions, restoreactions, exportactions, importactions, validateactions, cancelactions, restorepoints, restorepointcontents]
  verbs: [get, list, watch, create, update, patch, delete]
{{- end }}

{{- /* Of its actions: where databases and job Pods are. */ -}}
{{- define "fencepost.actionRules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [pods/exec]
  verbs: [create, get]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, create]
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshots]
  verbs: [get, create, delete]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, patch]
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get, list]
- apiGroups: [postgresql.k8s.enterprisedb.io, postgresql.cnpg.io]
  resources: [clusters]
  verbs: [get, list, watch, patch]
{{- with .Values.rbac.extraRules }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Of whole applications: what they are made of is listed and kept, and made again; Pods are in the rules of actions. */ -}}
{{- define "fencepost.applicationRules" -}}
- apiGroups: [""]
  resources: [configmaps, secrets, services, serviceaccounts, persistentvolumeclaims, limitranges, resourcequotas]
  verbs: [get, list, create, update, patch, delete]
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets, replicasets]
  verbs: [get, list, create, update, patch, delete]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: [get, list, create, update, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [get, list, create, update, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, create, update, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, create, update, patch, delete]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [get, list, create, update, patch, delete]
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshots, volumesnapshotcontents]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshotclasses]
  verbs: [list]
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get, list]
- apiGroups: [""]
  resources: [persistentvolumes]
  verbs: [get]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, create, delete] # those that verifications make, and no others
{{- with .Values.applications.extraRules }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* What no namespace has. */ -}}
{{- define "fencepost.clusterRules" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshotcontents]
  verbs: [get, create, delete]
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshotclasses]
  verbs: [get]
{{- end }}

{{- /* Asks the daemon in its own Pod, where the kubelet cannot: it listens on loopback. */ -}}
{{- define "fencepost.probe" -}}
[bash, -c, 'exec 3<>/dev/tcp/127.0.0.1/{{ int (last .).Values.api.port }} && printf "GET {{ first . }} HTTP/1.0\r\nHost: localhost\r\n\r\n" >&3 && grep --quiet "^ok" <&3']
{{- end }}
