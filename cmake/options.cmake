# Compiler settings that hold for every target.
option(FENCEPOST_TESTS "Build the tests" ON)
option(FENCEPOST_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(FENCEPOST_SANITIZE "" CACHE STRING "address;undefined or thread")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
# Line tables are enough for stack traces and keep the objects small.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")

add_library(fencepost_flags INTERFACE)
target_compile_options(fencepost_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror
  # Designated initializers that leave members at their defaults are how options are passed here.
  -Wno-missing-field-initializers -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12's stable_sort uses what it deprecates, and clang tells; g++ still tells of deprecations of ours.
  target_compile_options(fencepost_flags INTERFACE -Wthread-safety -Wno-deprecated-declarations)
  # Reading the standard library takes two fifths of the time. g++ goes on reading it: so one compiler proves that each
  # file includes what it uses, and ccache gives one folder what it has of another, which it cannot with these. Without
  # their time in them it keeps them, and what is compiled with them, for the same folder.
  target_precompile_headers(fencepost_flags INTERFACE <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable>
    <cstdint> <deque> <filesystem> <fstream> <functional> <iostream> <map> <memory> <mutex> <optional> <set> <span> <sstream>
    <string> <string_view> <thread> <tuple> <unordered_map> <utility> <variant> <vector>)
  target_compile_options(fencepost_flags INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()
if(FENCEPOST_SANITIZE)
  string(REPLACE ";" "," _sanitizers "${FENCEPOST_SANITIZE}")
  # A process that has a second thread, as ThreadSanitizer's runtime starts one, cannot join a mount namespace (setns(2)).
  # What does so has one thread, and nothing for it to find.
  set(_applies 1)
  if(FENCEPOST_SANITIZE STREQUAL "thread")
    set(_applies $<NOT:$<BOOL:$<TARGET_PROPERTY:FENCEPOST_SINGLE_THREADED>>>)
  endif()
  target_compile_options(fencepost_flags INTERFACE $<${_applies}:-fsanitize=${_sanitizers}>
    $<${_applies}:-fno-sanitize-recover=all> -fno-omit-frame-pointer)
  target_link_options(fencepost_flags INTERFACE $<${_applies}:-fsanitize=${_sanitizers}>)
endif()
# The same commit built in another folder gives the same bytes.
target_compile_options(fencepost_flags INTERFACE -ffile-prefix-map=${CMAKE_BINARY_DIR}=build
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
target_include_directories(fencepost_flags INTERFACE ${CMAKE_SOURCE_DIR}/engine ${CMAKE_SOURCE_DIR})

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Heavy headers are each in one .cpp; one of them at a time keeps a small machine alive.
set_property(GLOBAL PROPERTY JOB_POOLS heavy=1)
