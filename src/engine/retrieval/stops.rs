//! Words that only ask or join, by language.
//!
//! A word that joins in one language is a word of weight in another (`war`, `die`), so that only the lists count that
//! know most of a question's words. The lists were written by hand: question words whole, then the articles,
//! prepositions and auxiliaries that questions are full of. What is missing from them does little harm, as common words
//! weigh little in the ranking anyway.

/// A list for each language, folded as `words` folds.
const LANGUAGES: &[&str] = &[
    // English
    "what which who whom whose when where why how is are was were be been being do does did done has have had having \
     can could will would should shall may might must the a an of in on at to for from by with about as into and or \
     not no than then that this these those there it its they their them he his him she her we our us you your i my \
     me s t if so such any some many much",
    // German
    "was wer wen wem wessen wann wo wohin woher warum weshalb wieso wie welche welcher welches welchem welchen \
     wieviel wieviele viele viel womit wofur wodurch worauf woraus ist sind war waren wird werden wurde wurden hat \
     haben hatte hatten kann konnen konnte der die das den dem des ein eine einer einem einen eines und oder nicht \
     von vom zu zum zur in im am an auf aus bei mit nach fur uber um durch es sie er ihr ihre ihren sein seine sich \
     dass als auch gibt gab",
    // Spanish
    "que quien quienes cual cuales cuando donde como cuanto cuantos cuanta cuantas el la los las un una unos unas de \
     del al en con por para y o a se su sus es son era eran fue fueron ha han habia hay lo le les segun sobre entre \
     esta este esto no ser",
    // Portuguese
    "que qual quais quem quando onde como quanto quantos quanta quantas por o a os as um uma de do da dos das em no \
     na nos nas e ao aos pelo pela com para se seu sua foi sao eram era ser tem sobre entre",
    // French
    "que qui quel quelle quels quelles quoi ou quand comment combien pourquoi est sont etait etaient ont a et de des \
     du le la les un une dans sur par pour avec en au aux il elle ils ce cette ces son sa ses d l s n qu t y se ete",
    // Italian
    "che chi cosa quando dove come perche quale quali quanto quanti quante e il lo la i gli le un una uno di del \
     della dei delle dal dalla nel nella con per da in a al alla su sono era erano stato stata ha hanno si d l",
    // Romanian
    "ce cine cand unde cum care cat cati cate cui de la a al ai ale lui o un una si este sunt era erau au fost din \
     pe cu pentru in pana prin se sa dintre fi",
    // Dutch
    "wat wie waar wanneer waarom hoe welk welke hoeveel de het een van in is zijn was waren werd werden en op te voor \
     met aan door naar bij er dat die heeft",
    // Swedish, Danish, Norwegian
    "vad vem vems nar var varfor hur vilken vilket vilka manga och ar som det den de att av en ett i pa for till med \
     hvad hvem hvis hvor hvornar nar hvorfor hvordan hvilken hvilket hvilke hva og er af til et var blev ble",
    // Polish, Czech
    "co kto kogo kiedy gdzie dlaczego jak jaki jaka jakie jakim ktory ktora ktore ile jest sa byl byla bylo w z na i \
     do sie o od kdo kdy kde proc jaky kolik je jsou v se a ve po za",
    // Russian
    "что кто кого кому кем чем чему чего когда где куда откуда почему зачем как какои какая какое какие каких каким \
     какими какую какого какому каком сколько скольких чеи чья чье которыи которая которое которые которого которых и \
     в во на с со о об от по за к из у для до не был была было были это его ее их он она они а ли бы же то при",
    // Ukrainian
    "що хто кого кому чим коли де куди звідки чому навіщо як якии яка яке які яких яку якого скільки чии є був була \
     було були і и в у на з зі до від по за для не це иого її їх він вона вони а та",
    // Greek
    "τι ποιοσ ποια ποιο ποιοι ποιεσ ποιουσ ποιον ποιαν ποιου ποιων ποτε που πωσ γιατι ποσο ποσοι ποσα ποσεσ ποσουσ ο \
     η το οι τα του τησ των τον την τη τουσ τισ και σε στο στη στην στον στα στισ στουσ με για απο ειναι ηταν εχει \
     ειχε εχουν να θα ενα μια ενασ ενοσ δεν ωσ",
    // Turkish
    "ne kim kimin kime kimler nerede nereye nereden neden nicin niye nasil hangi hangisi hangisidir hangileri kac \
     kadar ve bir ile icin mi mu nedir nelerdir kimdir olarak olan bu o da de zaman hangisiydi neydi",
    // Vietnamese
    "gi ai nao dau sao khi bao nhieu tai la cua va co duoc cho trong nhung cac voi da bi mot o vao tu den ve nay do \
     nhu the",
    // Hindi
    "क्या कौन किस किसने किसे किसका किसकी किसके किन कब कहां कहाँ क्यों कैसे कैसा कैसी कितने कितना कितनी कौनसा कौनसी सा सी से \
     का की के में को ने पर और है हैं हो था थे थी एक यह वह लिए किया गया गई हुआ हुई इस उस द्वारा कि जो भी तो या",
    // Arabic
    "ما ماذا من متي اين لماذا كيف كم اي هل في علي الي عن مع هو هي كان كانت التي الذي الذين هذا هذه ذلك تلك و او ان لم \
     لا تم بماذا لمن عند بين ب ل به بها",
    // Persian
    "چه چي چی كه که كي کی كجا کجا چرا چگونه چند كدام کدام است در از به را اين این با و براي برای بود شد مي می",
    // Hebrew
    "מה מי מתי איפה היכן למה מדוע איך כיצד כמה איזה איזו אילו של את על הוא היא עם היה היתה",
    // Indonesian, Malay
    "apa apakah siapa siapakah kapan mana dimana dimanakah mengapa kenapa bagaimana berapa yang dan di ke dari untuk \
     adalah pada dengan oleh dalam itu ini",
    // Hungarian, Finnish
    "mi mit ki kit mikor hol hova honnan miert hogyan melyik milyen mennyi hany a az es egy volt van mika mita kuka \
     kenen milloin missa mihin mista miksi miten kuinka mikä ja on oli",
];

/// What asks or joins in scripts without spaces, the longer first.
const ASKING: &[&str] = &[
    // Chinese
    "为什么",
    "為什麼",
    "什么时候",
    "什麼時候",
    "多少",
    "什么",
    "什麼",
    "哪里",
    "哪裡",
    "哪些",
    "哪个",
    "哪個",
    "何时",
    "何時",
    "如何",
    "怎么",
    "怎麼",
    "怎样",
    "怎樣",
    "谁",
    "誰",
    "哪",
    "吗",
    "嗎",
    "呢",
    "的",
    "了",
    "是",
    "在",
    // Japanese
    "どのような",
    "どのように",
    "どうして",
    "どれくらい",
    "なぜ",
    "どこ",
    "どの",
    "どれ",
    "どう",
    "いつ",
    "だれ",
    "何",
    "いくつ",
    "いくら",
    "ですか",
    "ますか",
    "でしたか",
    "ましたか",
    // Thai
    "เมื่อไหร่",
    "เมื่อไร",
    "เมื่อใด",
    "ที่ไหน",
    "ที่ใด",
    "เท่าไหร่",
    "เท่าไร",
    "เท่าใด",
    "กี่",
    "อะไร",
    "อย่างไร",
    "ทำไม",
    "เพราะเหตุใด",
    "ใคร",
    "คนใด",
    "ไหน",
    "ใด",
    "หรือไม่",
    "คือ",
    "เป็น",
];

/// The lists that know most of some words.
pub(super) struct Stops(Vec<&'static str>);

impl Stops {
    /// For a question's words, folded.
    pub(super) fn of(words: &[String]) -> Self {
        let known = |list: &str| words.iter().filter(|word| has(list, word)).count();
        let most = LANGUAGES.iter().map(|list| known(list)).max().unwrap_or_default();
        Self(LANGUAGES.iter().filter(|list| most > 0 && known(list) == most).copied().collect())
    }

    /// None at all.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Whether the word only asks or joins.
    pub(super) fn contains(&self, word: &str) -> bool {
        self.0.iter().any(|list| has(list, word))
    }
}

fn has(list: &str, word: &str) -> bool {
    list.split(' ').any(|stop| stop == word)
}

/// The question with spaces for what asks in scripts without spaces.
pub(super) fn blanked(question: &str) -> String {
    if question.is_ascii() {
        return question.to_owned();
    }
    ASKING.iter().fold(question.to_owned(), |text, asking| text.replace(asking, " "))
}
