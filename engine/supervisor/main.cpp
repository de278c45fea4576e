// fencepost-supervisor: runs one container's command so that it outlives the daemon and its exit code is
// never lost; and guards a fence, so that it is lifted also where the daemon is gone for good.
//
//     fencepost-supervisor run FOLDER N         detached; see launch_spec.h for the files
//     fencepost-supervisor guard FOLDER         detached; undoes a fence at its deadline
//     fencepost-supervisor exec SPEC            in the foreground, for exec into a container
//     fencepost-supervisor enter SPEC_FD STATUS_FD    used by itself behind bubblewrap
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/process.h"
#include "supervisor/run.h"

int main(int argc, char** argv) {
    using namespace fencepost::supervisor;
    if (argc == 4 && strcmp(argv[1], "run") == 0) return run_detached(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "guard") == 0) return run_guard(argv[2]);
    if (argc == 3 && strcmp(argv[1], "exec") == 0) return run_attached(argv[2]);
    if (argc == 4 && strcmp(argv[1], "enter") == 0) {
        if (const auto spec = decode_launch_spec(read_whole(atoi(argv[2]))))
            enter(*spec, atoi(argv[3]), true);
    }
    fputs("fencepost-supervisor is started by fencepost; it is of no use by hand\n", stderr);
    return 2;
}
