/* Compiles where libmms is installed. */
#include <libmms/mmsx.h>
#include <stddef.h>

int main(void) { return mmsx_close == NULL; }
