# What is installed, and the .deb that CPack makes of it (scripts/package). The programs lie together, because the daemon
# finds its supervisor and gives kando to its Pods from beside itself; /usr/bin has links to those that people call.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(_packaging ${CMAKE_SOURCE_DIR}/packaging)
set(_generated ${CMAKE_BINARY_DIR}/generated)

install(TARGETS fencepost kando fencepost-supervisor RUNTIME DESTINATION lib/fencepost)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/links)
foreach(_program fencepost kando)
  file(CREATE_LINK ../lib/fencepost/${_program} ${CMAKE_BINARY_DIR}/links/${_program} SYMBOLIC)
  install(FILES ${CMAKE_BINARY_DIR}/links/${_program} DESTINATION bin)
endforeach()
# `kubectl fencepost` is the program by that name.
file(CREATE_LINK ../lib/fencepost/fencepost ${CMAKE_BINARY_DIR}/links/kubectl-fencepost SYMBOLIC)
file(CREATE_LINK fencepost.1.gz ${CMAKE_BINARY_DIR}/links/kubectl-fencepost.1.gz SYMBOLIC)
install(FILES ${CMAKE_BINARY_DIR}/links/kubectl-fencepost DESTINATION bin)
install(FILES ${CMAKE_BINARY_DIR}/links/kubectl-fencepost.1.gz DESTINATION share/man/man1)
install(DIRECTORY ${_generated}/share/ DESTINATION share)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/blueprints ${CMAKE_SOURCE_DIR}/bindings DESTINATION share/fencepost)
install(FILES ${_generated}/fencepost.yaml DESTINATION /etc/fencepost)
install(FILES ${_packaging}/fencepost.service DESTINATION /lib/systemd/system)
install(FILES ${_packaging}/copyright DESTINATION share/doc/fencepost)
install(FILES ${CMAKE_SOURCE_DIR}/docs/reference.md ${CMAKE_SOURCE_DIR}/tests/COMPATIBILITY.md DESTINATION share/doc/fencepost)
install(FILES ${_generated}/changelog.gz DESTINATION share/doc/fencepost)
install(FILES ${_packaging}/lintian-overrides DESTINATION share/lintian/overrides RENAME fencepost)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME fencepost)
set(CPACK_PACKAGE_VENDOR Fencepost)
set(CPACK_PACKAGE_CONTACT "Fencepost developers <developers@fencepost.io>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Kanister-style blueprint execution engine for database backups")
set(CPACK_PACKAGE_DESCRIPTION "Fencepost runs Kanister-style backup blueprints: it binds them to
labelled Secrets or to EDB and CloudNativePG clusters, fences a
PostgreSQL replica, dumps or snapshots it into an object store, unfences
it, and restores it. One daemon and command line for a Linux host without
Kubernetes.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Containers get their mounts from bubblewrap.
set(CPACK_DEBIAN_PACKAGE_DEPENDS bubblewrap)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "postgresql-client, jq")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS restic)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${_packaging}/conffiles ${_packaging}/postinst ${_packaging}/prerm ${_packaging}/postrm)
include(CPack)
