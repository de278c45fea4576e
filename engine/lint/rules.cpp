#include "lint/rule.h"

#include <algorithm>
#include <iterator>

namespace fencepost::lint {
namespace {

using enum model::Severity;

constexpr Rule kRules[] = {
    {"yaml", kError, "the file is no YAML",
     "Nothing of it can be read. The place is where the parser stumbles; the slip is there or a little "
     "above."},
    {"duplicate-key", kError, "a map sets the same key twice",
     "One of the two would be lost without a word. Keep one."},
    {"unquoted-template", kError, "a value begins with {{ and has no quotes",
     "To YAML a brace begins a map. Put the whole value in quotes. `--fix` does it."},
    {"yaml-bool", kWarning, "a plain word like yes, no, on or off is read as true or false",
     "YAML 1.1 has eleven words for each. Write true or false, or put the word in quotes where the word is "
     "meant. `--fix` writes true or false, which is what is read today."},
    {"yaml-number", kWarning, "digits are read as another number than they show",
     "010 is 8, 1_000 is 1000, 1.10 is 1.1. Where the digits are meant, as in a version, put them in "
     "quotes."},
    {"wrong-type", kError, "a member has a value of the wrong kind",
     "A list where a string belongs, a number where a map belongs. What is a number or a bool by accident "
     "wants quotes."},
    {"missing-field", kError, "a member that must be there is missing",
     "The object cannot be used without it."},
    {"unknown-field", kError, "a member that nothing reads",
     "A misspelling does nothing and says nothing. Where a known name is near it is an error, and `--fix` "
     "writes that name; else a warning."},
    {"invalid-name", kError, "a name that no API server takes",
     "Names of objects are lower-case letters, digits, '-' and '.', and begin and end with a letter or "
     "digit."},
    {"name-twice", kError, "there are both name and generateName",
     "The server would take one of the two. Keep one."},
    {"unknown-kind", kError, "the API group has no such kind",
     "Blueprint, ActionSet and Profile are of cr.kanister.io, BlueprintBinding is of config.kio.kasten.io."},
    {"wrong-api-version", kError, "the kind is of another apiVersion",
     "kubectl would refuse it, or make something else of it."},
    {"no-actions", kWarning, "a Blueprint or ActionSet without actions", "It does nothing."},
    {"unknown-function", kError, "a phase's func is no function",
     "The action fails before its first phase. Names are case-sensitive. `--fix` writes the name that is "
     "meant where one is near."},
    {"unknown-arg", kError, "a function has no such argument",
     "The phase fails before it does anything. `--fix` writes the name that is meant where one is near."},
    {"missing-arg", kError, "an argument that the function needs is missing",
     "The phase fails before it does anything."},
    {"missing-timeout", kError, "something is waited for without a time limit",
     "Wait and WaitV2 need a timeout; `kubectl wait` without one gives up after 30 seconds, `kubectl rollout "
     "status` waits for ever. A hook that hangs keeps a database fenced."},
    {"null-arg", kError, "an argument is null",
     "Kanister's controller ends at a null. Leave the argument out."},
    {"weak-conversion", kWarning, "a bool is given where a string is read",
     "true becomes \"1\". Put it in quotes."},
    {"invalid-duration", kError, "a duration that cannot be read",
     "Durations are Go's: 90s, 20m, 1h30m. A number alone has no unit."},
    {"constant-condition", kWarning, "a phase's `if` is neither a template nor true or false",
     "It is never 'true', so the phase never runs."},
    {"duplicate-phase", kError, "two phases have one name",
     "In one action the outputs of one would overwrite the other's: an error. In two actions it is a "
     "warning, since kanctl refuses it."},
    {"ignored-object", kWarning, "a phase's objects name what is not fetched",
     "Only Secrets and ConfigMaps are fetched for a phase."},
    {"template", kError, "a template does not parse",
     "The phase fails when it is rendered. The place is the one in the YAML, also inside block scalars."},
    {"unknown-parameter", kError, "templates have no such parameter",
     "The first name behind the dot is one of Kanister's parameters, with its capital letter: .Object, "
     ".Phases, .Options ..."},
    {"object-field", kError, "a field of .Object has a capital letter",
     "Unlike .StatefulSet, .Object is the object's JSON: .Object.metadata.name. `--fix` writes it so."},
    {"unknown-phase", kError, "a template names a phase that the action does not have",
     "Phases of other actions are not there."},
    {"later-phase", kError, "a template takes what a later phase makes",
     "Outputs are there when their phase is done; references to objects are rendered before the first "
     "phase."},
    {"unknown-output", kWarning, "a phase's output is never set",
     "Neither the function nor the scripts of the phase say it: `kando output KEY VALUE`. The template would "
     "fail."},
    {"unknown-object", kError, "a phase has no such Secret or ConfigMap",
     "Only those among the phase's own objects are there."},
    {"defer-output", kWarning, "the deferPhase takes an output that may not be there",
     "The deferPhase runs also when phases failed, and then the template fails too."},
    {"undeclared", kWarning, "an artifact, Secret or ConfigMap is not declared by the action",
     "inputArtifactNames, secretNames and configMapNames are how others find out what the action needs."},
    {"unknown-artifact", kWarning, "an action's inputArtifactNames names what no action makes",
     "Whoever restores will find out."},
    {"unmade-artifact", kError, "restore or delete reads an artifact that backup does not make",
     "The template fails when it is too late to make it. Name it in the outputArtifacts of backup."},
    {"unknown-artifact-key", kError, "a key that is not in the artifact",
     "The action that makes the artifact puts other keys in it."},
    {"vain-default", kWarning, "default behind a field that may be missing",
     "A missing key is an error before default sees it, in Kanister and here. Use index: {{ index .Options "
     "\"x\" | default \"y\" }}."},
    {"secret-bytes", kWarning, "a Secret's value without toString",
     "The data of a Secret is bytes, which print as numbers: [104 105]. Write {{ ... | toString }}."},
    {"secret-in-command", kWarning, "a secret becomes part of a command's text",
     "Everybody who may see the Pod, its processes, an audit log or an ActionSet can read it, and a quote in "
     "it breaks the script. Give it as an environment variable by podOverride, and let the script read "
     "that."},
    {"secret-in-artifact", kWarning, "a secret is written into an artifact",
     "Artifacts are stored in the ActionSet's status, in clear. Keep secrets in Secrets."},
    {"namespace-parameter", kWarning, ".Namespace in an action on a resource",
     "It is filled for actions on a whole namespace alone; for a resource it is empty. Use "
     ".Object.metadata.namespace, or say kind: Namespace on the action."},
    {"combined-api-version", kError, "a reference's apiVersion with its group",
     "References name group and apiVersion apart, as in Kanister: {group: apps, apiVersion: v1, resource: "
     "deployments}. With both in one, Kanister looks for a group that is not there until the timeout."},
    {"image-tag", kWarning, "an image without a tag, or with latest",
     "A restore in a year runs with another program than the backup did. Name a version or a digest."},
    {"psql-on-error-stop", kWarning, "psql without ON_ERROR_STOP",
     "psql goes on behind a failing statement and ends with 0: a half restore is reported as done. psql "
     "--set ON_ERROR_STOP=1. A single -c needs none."},
    {"pipefail", kWarning, "a pipeline whose failure is not seen",
     "Of `pg_dump | gzip` only gzip's end counts: an empty dump passes for a backup. Set pipefail; plain sh "
     "need not have it, bash does."},
    {"errexit", kWarning, "a script goes on behind a failing command",
     "Only the last command's end counts. Set errexit."},
    {"exec-tty", kError, "exec with a terminal in a job",
     "`kubectl exec -it` fails or mangles its output where stdin is no terminal. `--fix` leaves the t out."},
    {"stripped-json", kWarning, "a JSON array taken apart by deleting characters",
     "Operators publish commands as JSON arrays. Without brackets, quotes and commas, an argument with a "
     "blank in it comes out as two, and one with a comma as another. Read it with jq."},
    {"shellcheck", kWarning, "what shellcheck says of a script",
     "Given where shellcheck is installed, with its number in front: its own pages tell more. Its findings "
     "about variables that come from outside are left out."},
    {"wait-success-only", kWarning, "a wait for success alone",
     "What has failed is waited for until the timeout, while the database stays fenced. Wait for either end, "
     "then look which it is."},
    {"hook-timeout", kWarning, "a hook that may take longer than hooks get",
     "A platform gives up on a hook after 20 minutes by default, whatever the blueprint's own limits are."},
    {"pvc-in-prehook", kWarning, "backupPrehook makes a PersistentVolumeClaim",
     "What is backed up is settled before backupPrehook runs: the volume would not be in the backup. Make it "
     "in the policy's preHook."},
    {"posthook-finds-anew", kWarning, "backupPosthook looks for its Pod again",
     "After a failover it finds another one, and what was fenced stays fenced. Take the Pod from an output "
     "artifact of backupPrehook."},
    {"fence-without-unfence", kWarning, "a Fence that nothing lifts",
     "The engine lifts it when the action ends. A deferPhase with Unfence says so, and does it as early as "
     "can be."},
    {"action-name", kWarning, "an action's name is nearly one of the lifecycle's",
     "A bound resource's lifecycle calls backupPrehook, backup, backupPosthook, restorePrehook, restore, "
     "restorePosthook, verify, verifyPosthook and delete, by exact name; others are ignored in silence. "
     "`--fix` writes the name."},
    {"not-verifiable", kError, "an action verify whose restore would not stay beside the live database",
     "A verification restores with .Options.scratch: the name of a database of its own, which verifyPosthook "
     "drops. A restore that does not read it writes over the live one."},
    {"unknown-action", kError, "an ActionSet's dependsOn names no action of it",
     "It would wait for nothing."},
    {"dependency-cycle", kError, "actions wait for each other", "None of them would begin."},
    {"invalid-version", kError, "a preferredVersion that is no version", "As in v0.0.0."},
    {"unknown-type", kError, "a Profile's location or credential has an unknown type",
     "Known are s3Compliant, gcs, azure, kopia and filestore; keyPair, secret and kopia."},
    {"vbr-profile", kError, "a VBR location for a blueprint's snapshots",
     "What a blueprint pushes goes to an object store or file store; a Veeam repository takes no part of "
     "it."},
    {"mixed-instances", kWarning, "the volumes of two instances of one cluster are selected",
     "Two replicas are of different moments: restored together they are no database. Exclude all instances "
     "but one."},
    {"all-volumes-excluded", kWarning, "every volume of a cluster is excluded",
     "The backup is green and holds no data."},
    {"TRF-E01", kError, "transforms that are no list",
     "Each item has a subject, which says for what, and json, the operations."},
    {"TRF-E02", kError, "a transform that is for nothing",
     "Its subject has at least one of group, version, resource and name; what is left out fits everything."},
    {"TRF-E03", kError, "a reference to a TransformSet where none can be",
     "A RestoreAction names sets; sets do not name each other, so that what a restore changes can be read in "
     "one place."},
    {"TRF-E04", kError, "an operation that there is not",
     "JSON Patch has six: test, add, remove, copy, move and replace."},
    {"TRF-E05", kError, "a path that does not begin with /",
     "A path is a JSON Pointer, as in /spec/storageClassName. A / in a key is written ~1."},
    {"TRF-E06", kError, "a regex where it means nothing", "Only test and replace look at a part of a text."},
    {"TRF-E07", kError, "a regex that cannot be read",
     "The syntax is RE2's: no look-around, no references back."},
    {"BND-E01", kError, "a binding without requirements", "It would take every resource there is."},
    {"BND-E02", kError, "an item with no constraint, or with several",
     "One item of matchAll or matchAny is one of type, namespace, annotations and labels."},
    {"BND-E03", kError, "an operator that the constraint does not have",
     "type has In and NotIn; namespace, annotations and labels also Exists and DoesNotExist."},
    {"BND-E04", kError, "values missing, or given to an operator that takes none",
     "In and NotIn need values; Exists and DoesNotExist take none."},
    {"BND-E05", kError, "blueprintRef names no blueprint",
     "Name and namespace must be there and be right. In files, a name is known to be wrong where a blueprint "
     "beside it has nearly that name."},
    {"BND-W01", kWarning, "a resource that is no type's plural",
     "The binding would never match. `plan` asks the cluster; here it is known for common types."},
    {"BND-W02", kWarning, "a type that fits everything", "Name at least a resource."},
    {"BND-W03", kWarning, "a binding in another's shadow",
     "The other one fits everything that this one does, and wins. Make one of them narrower."},
    {"BND-W06", kWarning, "a binding for Pods, ReplicaSets or Jobs",
     "They are owned and replaced by others: bind the owner."},
    {"BND-W07", kWarning, "the bound blueprint has no action of the lifecycle", "Nothing would call it."},
    {"BND-W08", kWarning, "backup without restore or delete, or a prehook without its posthook",
     "A backup that cannot be restored is none; what a prehook stops, nobody starts again; what is never "
     "deleted is paid for."},
    {"BND-W10", kWarning, "a shape that is read, but is not the documented one",
     "Other tools do not read it. The hint has the documented form."},
    {"POL-E01", kError, "a frequency that is none",
     "It is @hourly, @daily, @weekly, @monthly, @yearly, @onDemand, or a cron expression of five fields."},
    {"POL-E02", kError, "a subFrequency that does not fit its frequency",
     "Only the list that belongs to the frequency itself may have several values: the first of each other "
     "one says which run counts for the longer periods."},
    {"POL-E03", kError, "a backupWindow that cannot be read, or that is missing",
     "It has a start and an end, in hours and minutes of UTC. Staggering spreads runs over it."},
    {"POL-E04", kError, "a retention that does not fit the policy",
     "It would keep nothing, or counts periods that are shorter than those in which the policy runs."},
    {"POL-E05", kError, "a policy without actions, or with one that is none",
     "They are backup, export, import and restore."},
    {"POL-E06", kError, "an export that cannot be",
     "It needs a profile, which says where to, and is not more frequent than the policy."},
    {"POL-E07", kError, "a way to verify that is none",
     "`verify: restore` is the only one; `verification` says what is asked then."},
    {"POL-E08", kError, "actions that do not go together",
     "A policy backs up, and may export; or it imports, and may restore what it has imported. A retention "
     "would not know otherwise which restore points it is about. Of what is at a location only the "
     "application's name is known before it is imported."},
    {"POL-E09", kError, "a field that Fencepost does not have, of Kasten's perhaps",
     "A policy decides what is deleted, so nothing of it is ignored without a word."},
    {"POL-E10", kError, "a field that the policy's preset says",
     "One of the two would be wrong, and nobody could see which one holds."},
    {"POL-E11", kError, "a selector with a term that is none",
     "Terms have the operator In and values; those about the key k10.kasten.io/appNamespace also NotIn."},
    {"POL-E12", kError, "a policy and its preset do not go together",
     "There is no such preset, or the policy exports and the preset does not say where to. In files, a name "
     "is known to be wrong where a preset beside it has nearly that name."},
    {"POL-W01", kWarning, "a field of Kasten's that nothing here needs",
     "The profile leads to what is exported, without a receiveString."},
    {"VER-E01", kError, "an assertion whose expected answer cannot be read",
     "It is a text, a number or a bool; rows are told apart by a line break, columns by |."},
};

}  // namespace

std::span<const Rule> rules() noexcept { return kRules; }

const Rule* find_rule(std::string_view id) noexcept {
    const auto found =
        std::find_if(std::begin(kRules), std::end(kRules), [&](const Rule& one) { return one.id == id; });
    return found == std::end(kRules) ? nullptr : found;
}

}  // namespace fencepost::lint
