/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where mailslotd listens. */
#include "control/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

const char *control_address_forced(void)
{
    const char *path = getenv("MAILSLOTD_SOCKET");

    return path && *path ? path : NULL;
}

int control_address_user(char *path, size_t size)
{
    unsigned int uid = (unsigned int)geteuid();
    const char *format = "/tmp/wine-mailslot-%u/socket";
    struct stat st;
    int n;

    /* Somebody has put his own in that place: for all programs of this user alike. */
    n = snprintf(path, size, "/tmp/wine-mailslot-%u", uid);
    if (n > 0 && (size_t)n < size && lstat(path, &st) == 0 && st.st_uid != geteuid())
        format = "/run/user/%u/wine-mailslot/socket";
    n = snprintf(path, size, format, uid);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int control_address_secure_folder(const char *path)
{
    struct sockaddr_un address;
    struct stat st;
    char *slash;
    int r;

    r = control_address_fill(&address, path);
    if (r < 0)
        return r;
    slash = strrchr(address.sun_path, '/');
    if (!slash || slash == address.sun_path)
        return -EINVAL;
    *slash = 0;
    if (mkdir(address.sun_path, 0700) < 0 && errno != EEXIST)
        return -errno;
    if (lstat(address.sun_path, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
        ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)))
        return -EPERM;
    return 0;
}

bool control_address_is_system(int socket)
{
    struct ucred other;
    socklen_t size = sizeof(other);
    struct stat st;

    return lstat(CONTROL_SYSTEM_FOLDER, &st) == 0 && S_ISDIR(st.st_mode) && !(st.st_mode & 022) &&
           getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &other, &size) == 0 &&
           (other.uid == 0 || other.uid == st.st_uid);
}

int control_address_fill(struct sockaddr_un *ret, const char *path)
{
    size_t size = strlen(path);

    if (size >= sizeof(ret->sun_path))
        return -ENAMETOOLONG;
    memset(ret, 0, sizeof(*ret));
    ret->sun_family = AF_UNIX;
    memcpy(ret->sun_path, path, size);
    return 0;
}
