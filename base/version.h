/* The version of this program. Any thread. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

/* "0.2.0 (8cda944)": the release number of the file VERSION, and the commit that was built ("-dirty": with changes). */
const char *version_text(void);
/* "fairlead/0.2.0", as HTTP's User-Agent names a product. */
const char *version_product(void);

#endif
