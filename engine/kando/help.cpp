#include "kando/verbs.h"

namespace fencepost::kando {
namespace {

constexpr std::string_view kGeneral =
    R"help(kando moves backup data between a command and a profile's location.

Usage:
  kando location push|pull|delete   store, fetch and delete an artifact
  kando repository backup|restore   store a folder as a snapshot, and write one back
  kando output KEY VALUE            hand an output to the blueprint's phase
  kando chronicle push|pull         store a command's output again and again
  kando wal push|fetch              archive PostgreSQL's WAL, and fetch it for a recovery
  kando basebackup push|fetch|...   make, restore and delete base backups of PostgreSQL
  kando version

Each has --help. Exit code: 0 for success, 69 for every failure, as with Kanister's kando; why is told on stderr. Only
wal fetch has codes of its own, which PostgreSQL reads.
)help";

constexpr std::string_view kLocation =
    R"help(kando location: store, fetch and delete an artifact in a profile's location.

Usage:
  kando location push SOURCE|- --path PATH [--profile JSON] [--output-name NAME]
  kando location push --path PATH [...] --exec -- COMMAND [ARGS]
  kando location pull TARGET|- --path PATH [--profile JSON] [--kopia-snapshot JSON]
  kando location delete --path PATH [--profile JSON] [--kopia-snapshot JSON]

Flags:
  -p, --profile JSON         the profile, as {{ toJson .Profile }} writes it. Better: the environment variable
                             FENCEPOST_PROFILE, which no list of processes shows
  -s, --path PATH            what the artifact is called, below the profile's prefix
  -o, --output-name NAME     the phase output that gets the snapshot's JSON (default kandoOutput)
  -k, --kopia-snapshot JSON  the snapshot to fetch or delete: what push handed out under its output name
      --exec -- COMMAND      runs the command and stores its output; unless it ends with 0, nothing is stored

With a repository key in the profile the artifact is a snapshot in a restic repository under the prefix: encrypted,
compressed, deduplicated. Without one it is a plain object. Either is stored whole or not at all. Deleting a snapshot
leaves the data that it shared or had to itself until `restic prune`.

Examples:
  kando location push --path pg/app1.sql --output-name kopiaOutput --exec -- pg_dump app1
  pg_dump app1 | kando location push --path pg/app1.sql -     # with `set -o pipefail`; a dump that fails is stored
  kando location pull --path pg/app1.sql - | psql app1
  kando location delete --path pg/app1.sql --kopia-snapshot "$SNAPSHOT"

Exit code: 0 for success, 69 for every failure.
)help";

constexpr std::string_view kRepository =
    R"help(kando repository: store a folder as a snapshot in a profile's repository, and write one back.

Usage:
  kando repository backup FOLDER [--tag TAG] [--host NAME] [--profile JSON]
  kando repository restore FOLDER --snapshot ID|--tag TAG [--path PATH] [--profile JSON]

Flags:
  -p, --profile JSON  the profile, which has a repository key. Better: the environment variable FENCEPOST_PROFILE,
                      which no list of processes shows
  -t, --tag TAG       of backup: what the snapshot is tagged with; of restore: the newest snapshot that has it
      --host NAME     whose snapshot it is (default: this host's name); the last one of the same host and folder spares
                      reading what has not changed since
      --snapshot ID   the snapshot, or the beginning of its id
  -s, --path PATH     what of the snapshot is wanted, which then lies in FOLDER itself; without it the snapshot's
                      absolute paths lie below FOLDER

The repository is a restic repository of format 2 at the profile's prefix, which restic reads and writes too; the first
backup makes it. A snapshot has modes, owners, times, links, devices and extended attributes. It is stored whole, or not
at all: a file that cannot be read is an error. The last line of the output is a summary in JSON, as restic's --json.

Examples:
  kando repository backup /var/lib/app --tag nightly
  kando repository restore / --tag nightly
  kando repository restore /mnt/new --snapshot 5f0c12ab --path /var/lib/app

Exit code: 0 for success, 69 for every failure.
)help";

constexpr std::string_view kOutput = R"help(kando output: hand an output to the blueprint's phase.

Usage:
  kando output KEY VALUE

Prints the line ###Phase-output###: {"key":"KEY","value":"VALUE"}. A key has letters, digits and '_'.

Example:
  kando output bytes "$(stat -c %s dump.sql)"

Exit code: 0 for success, 69 for every failure.
)help";

constexpr std::string_view kChronicle = R"help(kando chronicle: store the output of a command again and again.

Usage:
  kando chronicle push -p PROFILE_FILE -s PATH_FILE [-e ENV_DIR] [-f 1m] COMMAND...
  kando chronicle pull TARGET|- -s PATH [--profile JSON]

Flags of push:
  -p, --profile-path FILE    holds the profile's JSON; while it is missing, rounds are skipped
  -s, --artifact-path FILE   holds the artifact's path
  -e, --env-dir FOLDER       the command's whole environment, a file a variable
  -f, --frequency DURATION   between rounds (default 1m)

Each round runs `sh -c COMMAND` and stores its output as PATH-N; then the object PATH names it, and PATH-(N-1) goes. A
round that fails ends kando. TERM or INT between rounds ends it with 0.

Example:
  kando chronicle push -p /etc/profile.json -s /etc/path -f 5m -- pg_dump app1

Exit code: 0 for success, 69 for every failure.
)help";

constexpr std::string_view kWal = R"help(kando wal: archive PostgreSQL's WAL, and fetch it for a recovery.

Usage:
  kando wal push PATH [--prefix PREFIX] [--profile JSON|--location URI]
  kando wal fetch NAME PATH [--prefix PREFIX] [--profile JSON|--location URI]

Flags, as of kando basebackup too:
  -p, --profile JSON           the profile. Better: the environment variable FENCEPOST_PROFILE
      --location URI           instead of a profile: file:///folder or s3://bucket/prefix
      --prefix PREFIX          below the location: what sets one cluster's archive apart
      --region, --endpoint     of an S3 location; else AWS_REGION, AWS_ENDPOINT_URL_S3
      --credentials-file FILE  AWS' format; else AWS_SHARED_CREDENTIALS_FILE, or the keys in the environment

Nothing is ever overwritten: the same file again is fine, another content under its name is an error, and so is the WAL
of another cluster. Segments are compressed (zstd), and verified when they are fetched.

Examples:
  archive_command = 'kando wal push %p'
  restore_command = 'kando wal fetch %f %p'

Exit code of fetch: 0 for success, 1 where there is no such file, 200 for every other failure, so that recovery stops
instead of ending early; on a standby, which asks again, 1.
)help";

constexpr std::string_view kBaseBackup =
    R"help(kando basebackup: make, restore and delete base backups of PostgreSQL.

Usage:
  kando basebackup push [--dbname CONNECTION] [--with-wal] [--protect]
  kando basebackup list
  kando basebackup fetch NAME|latest FOLDER [--recover-to latest|none|TIME] [--timeline latest|current|NUMBER]
                         [--restore-command COMMAND]
  kando basebackup delete NAME
  kando basebackup delete --keep N
  kando basebackup protect NAME [--off]

Where the archive is, the flags of kando wal tell.

Push runs pg_basebackup, and hands out what it made as the outputs name, startWal, stopWal and others. Fetch fills an
empty folder, and writes recovery.signal and the settings of the recovery into it. Delete takes the base backups and then
the WAL that none needs any more; what the store holds back is told as retained.

Examples:
  PGHOST=pg1 PGUSER=backup kando basebackup push --prefix pg1
  kando basebackup fetch latest /var/lib/postgresql/data --prefix pg1
  kando basebackup delete --keep 3 --prefix pg1

Exit code: 0 for success, 69 for every failure.
)help";

}  // namespace

std::string_view help_text(std::string_view verb) noexcept {
    if (verb == "location") return kLocation;
    if (verb == "repository") return kRepository;
    if (verb == "output") return kOutput;
    if (verb == "chronicle") return kChronicle;
    if (verb == "wal") return kWal;
    if (verb == "basebackup") return kBaseBackup;
    return kGeneral;
}

}  // namespace fencepost::kando
